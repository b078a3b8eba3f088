"""Case -> Reply by plain retrieval: what a first attempt gives, so that reports show what the product adds.

Each cites the first CITED papers with their whole abstracts, says nothing of its own, and never says no.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from assistant import Answer
from assistant.records import Citation, CitedPaper, Coverage, Quote
from assistant.retrieve import Scope
from evals.errors import MissingExtra
from evals.records import Case, Reply
from evals.systems import RANKING_DEPTH, System
from ingest import Library

CITED = 5
"""As many as LlamaIndex's tutorials retrieve."""


class Ranker:
    """A system that ranks papers for the question as it was put, and shows the first ones."""

    def __init__(self, name: str, library: Library, rank: Callable[[str], Sequence[str]]) -> None:
        """`rank` gives paper ids, best first."""
        self.name, self._library, self._rank = name, library, rank

    def reply(self, case: Case) -> Reply:
        """See `System.reply`."""
        started = time.perf_counter()
        ranking = tuple(self._rank(case.question))[:RANKING_DEPTH]
        seconds = time.perf_counter() - started
        papers = self._library.papers(ranking[:CITED])
        citations = tuple(
            Citation(n, CitedPaper.of(paper), 1.0, None, (Quote(paper.abstract, 0, len(paper.abstract), "abstract"),))
            for n, paper in enumerate(papers, start=1)
        )
        text = "\n".join(f"- {citation.paper.title} [{citation.number}]" for citation in citations)
        answer = Answer(
            question=case.question, standalone_question=case.question, kind="list", mode="offline", model=None,
            text=text, abstained=False, reason=None, claims=(), citations=citations, near_misses=(),
            coverage=Coverage(len(self._library), len(ranking), 0, len(citations)),
        )  # fmt: skip
        return Reply(answer, ranking, seconds)


@contextmanager
def baselines(library: Library) -> Iterator[tuple[System, ...]]:
    """Words alone, vectors alone, and LlamaIndex as its tutorials set it up, over the same papers and encoder.

    Raises:
        MissingExtra: LlamaIndex's adapter to Chroma is not installed.
    """
    with ExitStack() as stack:
        yield (
            Ranker("words only", library, lambda question: words_only(library, question)),
            Ranker("vectors only", library, lambda question: vectors_only(library, question)),
            Ranker("naive LlamaIndex", library, stack.enter_context(_llama_index(library))),
        )


def words_only(library: Library, question: str, count: int = RANKING_DEPTH) -> list[str]:
    """At most `count` paper ids by BM25 for the question's words."""
    terms = [(term, 1.0) for term in dict.fromkeys(library.words.terms(question))]
    return [paper_id for paper_id, _ in library.words.search(terms, count)]


def vectors_only(library: Library, question: str, count: int = RANKING_DEPTH) -> list[str]:
    """At most `count` paper ids by the passage nearest to the question."""
    return list(Scope.of(library, None).saying(library.encoder.encode([question])[0])[:count])


@contextmanager
def _llama_index(library: Library) -> Iterator[Callable[[str], list[str]]]:
    """A VectorStoreIndex over Chroma with the defaults of both, but for the encoder, which is the library's."""
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    try:  # imported here: an extra that only this needs
        from llama_index.core import Document, StorageContext, VectorStoreIndex  # noqa: PLC0415
        from llama_index.vector_stores.chroma import ChromaVectorStore  # noqa: PLC0415

        from assistant.llama_index.encoders import LibraryEmbedding  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(str(error.name), "eval") from error
    papers = library.store.every_paper()
    documents = [Document(text=f"{paper.title}\n{paper.abstract}", doc_id=paper.id) for paper in papers]
    with tempfile.TemporaryDirectory() as folder:
        store = ChromaVectorStore.from_params("papers", persist_dir=folder)
        embedding = LibraryEmbedding.over(library.encoder)
        index = VectorStoreIndex.from_documents(
            documents, StorageContext.from_defaults(vector_store=store), embed_model=embedding
        )
        retriever = index.as_retriever(similarity_top_k=CITED)

        def rank(question: str) -> list[str]:
            found = retriever.retrieve(question)
            return list(dict.fromkeys(str(hit.node.ref_doc_id) for hit in found))

        yield rank
