"""Paper, quotes -> node: an abstract as LlamaIndex carries text, with the spans that were found in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from llama_index.core.schema import NodeWithScore, TextNode

from assistant.records import Answer, PaperHit, Quote
from ingest import Library, Paper

FOR_PROGRAMS = ("paper_id", "spans", "number")
"""Metadata that no model is shown."""


def of_hit(hit: PaperHit) -> NodeWithScore:
    """A paper found; its score is `PaperHit.similarity`."""
    return NodeWithScore(node=_node(hit.paper, hit.evidence), score=hit.similarity)


def of_answer(answer: Answer, library: Library) -> Iterator[NodeWithScore]:
    """The papers cited, in the order of their numbers; their scores are `Citation.relevance`."""
    papers = {paper.id: paper for paper in library.papers(citation.paper.id for citation in answer.citations)}
    for citation in answer.citations:
        if citation.paper.id not in papers:  # another process has removed it since
            continue
        node = _node(papers[citation.paper.id], citation.quotes)
        node.metadata["number"] = citation.number
        yield NodeWithScore(node=node, score=citation.relevance)


def _node(paper: Paper, spans: Sequence[Quote]) -> TextNode:
    told = {"title": paper.title, "year": paper.year, "url": paper.url}
    hidden = [*FOR_PROGRAMS, *(name for name, value in told.items() if value is None)]
    return TextNode(
        id_=paper.id,
        text=paper.abstract,
        metadata={**told, "paper_id": paper.id, "spans": [asdict(quote) for quote in spans]},
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
    )
