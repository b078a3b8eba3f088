"""Questions -> answers by one system: what `evals.peers` compares, each in a process of its own.

    python evals/peer_systems.py NAME FOLDER URL

FOLDER holds `papers.jsonl` (title, abstract), `questions.jsonl` (id, question) and `library`, made of the same papers;
URL is that of the scripted model, which also encodes for those that bring no encoder. Answers go to `NAME.jsonl` there,
in the form of `evals.other`. Nothing of this project is imported at the top, so that the Python of a rival's own
environment can run it, and no connection to another machine is made: the attempt ends the process.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

NEAREST = 10
"""Chunks that LlamaIndex retrieves: as many as paper-qa does by default."""
MODEL = "scripted"
NOT_SAID = "The context does not say."
"""What the scripted model answers, where a prompt names no words of its own for that."""
CANNOT = "I cannot answer"
"""What paper-qa's prompt asks for instead."""

Line = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A system to compare."""

    what: str
    """What it is called in tables."""
    packages: tuple[str, ...]
    """Whose versions are told."""
    answers: Callable[[Path, str], Iterator[Line]]
    """From the folder and the model's address to a line for each question."""


def ours(depth: str, folder: Path, url: str) -> Iterator[Line]:
    """The assistant as it comes."""
    with _assistant(folder, url) as assistant:
        for asked in _read(folder / "questions.jsonl"):
            started = time.perf_counter()
            answer = assistant.ask(asked["question"], mode="llm", depth=depth)
            yield {"id": asked["id"], "answer": answer.to_dict(), "seconds": time.perf_counter() - started}


def llama_index(folder: Path, url: str) -> Iterator[Line]:
    """The pipeline of LlamaIndex's tutorials; what it retrieved is what it shows as its sources."""
    papers = _read(folder / "papers.jsonl")
    engine = _index(folder, papers, url).as_query_engine(llm=_llm(url), similarity_top_k=NEAREST)
    for asked in _read(folder / "questions.jsonl"):
        started = time.perf_counter()
        response = engine.query(asked["question"])
        seconds = time.perf_counter() - started
        sources = [papers[int(str(hit.node.ref_doc_id))]["title"] for hit in response.source_nodes]
        yield _line(asked["id"], str(response), sources, seconds)


def llama_index_citations(folder: Path, url: str) -> Iterator[Line]:
    """LlamaIndex's CitationQueryEngine; its sources are those that the text cites."""
    from llama_index.core.query_engine import CitationQueryEngine

    papers, llm = _read(folder / "papers.jsonl"), _llm(url)
    engine = CitationQueryEngine.from_args(_index(folder, papers, url), llm=llm, similarity_top_k=NEAREST)
    for asked in _read(folder / "questions.jsonl"):
        started = time.perf_counter()
        response = engine.query(asked["question"])
        seconds = time.perf_counter() - started
        shown = [papers[int(str(hit.node.ref_doc_id))]["title"] for hit in response.source_nodes]
        cited = [int(number) for number in re.findall(r"\[(\d+)\]", str(response))]
        yield _line(asked["id"], str(response), [shown[n - 1] for n in cited if 0 < n <= len(shown)], seconds)


def paper_qa(folder: Path, url: str) -> Iterator[Line]:
    """`Docs.aquery` of paper-qa with its defaults, over texts that are given: no agent, no look-up of metadata."""
    os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    from paperqa import Docs  # type: ignore[import-not-found]  # in an environment of its own

    docs, settings = Docs(), _paper_qa_settings(url)
    papers = _read(folder / "papers.jsonl")
    with asyncio.Runner() as runner:
        runner.run(_add(docs, papers, settings))
        for asked in _read(folder / "questions.jsonl"):
            started = time.perf_counter()
            session = runner.run(docs.aquery(asked["question"], settings=settings))
            seconds = time.perf_counter() - started
            titles = {context.id: papers[int(context.text.doc.dockey)]["title"] for context in session.contexts}
            cited = [titles[key] for key in re.findall(r"pqac-\w+", session.raw_answer) if key in titles]
            yield _line(asked["id"], session.answer, cited, seconds)


def waits(depth: str, folder: Path, url: str) -> Iterator[Line]:
    """When each question was asked, when the answer's words began and when it ended, on a clock for all processes."""
    from assistant import Token

    with _assistant(folder, url) as assistant:
        for asked in _read(folder / "questions.jsonl"):
            started, first = time.monotonic(), None
            for event in assistant.stream(asked["question"], mode="llm", depth=depth):
                if first is None and isinstance(event, Token):
                    first = time.monotonic()
            yield {"started": started, "first_words": first, "ended": time.monotonic()}


PEERS = {
    "thorough": Peer("whichpapers, thorough", ("whichpapers",), partial(ours, "thorough")),
    "quick": Peer("whichpapers, quick", ("whichpapers",), partial(ours, "quick")),
    "llama_index": Peer(
        f"LlamaIndex, {NEAREST} nearest chunks", ("llama-index-core", "chromadb"), llama_index
    ),
    "llama_index_citations": Peer(
        f"LlamaIndex CitationQueryEngine, {NEAREST} nearest", ("llama-index-core", "chromadb"), llama_index_citations
    ),
    "paper_qa": Peer("paper-qa, Docs.aquery", ("paper-qa", "litellm"), paper_qa),
}  # fmt: skip

WAITS = {"waits_quick": "quick", "waits_thorough": "thorough"}
"""Depths, by the names under which `main` measures how long they wait."""


def _assistant(folder: Path, url: str) -> Any:
    from assistant import Assistant
    from ingest import Settings

    settings = Settings(library=folder / "library", base_url=url, model=MODEL, offline=True)
    return Assistant.open(settings=settings)


def _index(folder: Path, papers: Rows, url: str) -> Any:
    """A VectorStoreIndex over Chroma, a document a paper, split as LlamaIndex does by default."""
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.vector_stores.chroma import ChromaVectorStore

    store = ChromaVectorStore.from_params("papers", persist_dir=mkdtemp(dir=folder))
    documents = [Document(text=_text(paper), doc_id=str(number)) for number, paper in enumerate(papers)]
    context = StorageContext.from_defaults(vector_store=store)
    return VectorStoreIndex.from_documents(documents, context, embed_model=_embedding(url))


def _llm(url: str) -> Any:
    """A chat model of LlamaIndex that asks `url`."""
    import httpx
    from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata

    client = httpx.Client(base_url=url, trust_env=False, timeout=600)

    class Asked(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(context_window=128_000, num_output=1_000, is_chat_model=True, model_name=MODEL)

        def chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
            sent = [{"role": message.role.value, "content": message.content} for message in messages]
            reply = client.post("/chat/completions", json={"model": MODEL, "messages": sent}).raise_for_status().json()
            return ChatResponse(message=ChatMessage(**reply["choices"][0]["message"]))

        def complete(self, prompt: str, *_: Any, **__: Any) -> CompletionResponse:
            return CompletionResponse(text=self.chat([ChatMessage(prompt)]).message.content or "")

        def stream_complete(self, prompt: str, *_: Any, **__: Any) -> Any:
            yield self.complete(prompt)

    return Asked()


def _embedding(url: str) -> Any:
    """An embedding of LlamaIndex that asks `url`."""
    import httpx
    from llama_index.core.embeddings import BaseEmbedding

    client = httpx.Client(base_url=url, trust_env=False, timeout=600)

    class Encoded(BaseEmbedding):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            reply = client.post("/embeddings", json={"model": MODEL, "input": texts}).raise_for_status().json()
            return [row["embedding"] for row in reply["data"]]

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    return Encoded(embed_batch_size=32)


def _paper_qa_settings(url: str) -> Any:
    from paperqa import Settings

    reached = {"api_base": url, "api_key": "none"}
    asked = {"model_list": [{"model_name": MODEL, "litellm_params": {"model": f"openai/{MODEL}", **reached}}]}
    return Settings(
        llm=MODEL,
        llm_config=asked,
        summary_llm=MODEL,
        summary_llm_config=asked,
        embedding=f"openai/{MODEL}",
        embedding_config={"kwargs": {**reached, "encoding_format": "float"}},
    )


async def _add(docs: Any, papers: Rows, settings: Any) -> None:
    from paperqa import Doc, Text

    for number, paper in enumerate(papers):
        doc = Doc(docname=f"paper{number}", dockey=str(number), citation=paper["title"])
        await docs.aadd_texts([Text(text=_text(paper), name=doc.docname, doc=doc)], doc, settings)


def _text(paper: Mapping[str, Any]) -> str:
    """Title and abstract, a line each."""
    return "\n".join(" ".join(paper[part].split()) for part in ("title", "abstract"))


def _line(case: str, text: str, cited: Sequence[str], seconds: float) -> Line:
    """An answer as `evals.other` reads it; one that says no cites nothing."""
    says_no = text.strip() == NOT_SAID or CANNOT in text
    titles = [] if says_no else dict.fromkeys(cited)
    answer = {
        "text": text,
        "abstained": says_no,
        "claims": [] if says_no else [{"text": text, "citations": [], "support": 1.0}],
        "citations": [{"paper": {"title": title}} for title in titles],
    }
    return {"id": case, "answer": answer, "seconds": seconds}


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook (PEP 578) that refuses every other machine."""
    host = None
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    if host not in (None, "127.0.0.1", "::1", "localhost", b"localhost"):
        raise PermissionError(f"{host!r} is another machine")


def main(name: str, folder: str, url: str) -> None:
    """Asks one system every question; `waits.jsonl` and `NAME.versions` lie beside the answers."""
    sys.addaudithook(stay_here)
    peer = Peer("", (), partial(waits, WAITS[name])) if name in WAITS else PEERS[name]
    with (Path(folder) / f"{name}.jsonl").open("w", encoding="utf-8") as out:
        for line in peer.answers(Path(folder), url):
            out.write(json.dumps(line) + "\n")
    versions = {package: version(package) for package in peer.packages}
    (Path(folder) / f"{name}.versions").write_text(json.dumps(versions), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
