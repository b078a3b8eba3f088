"""Query -> Hits, in several words: what the question finds and what its other phrasings find, fused."""

from __future__ import annotations

from assistant.records import PaperHit, Query
from assistant.retrieve import RANK_DAMPING, retrieve
from assistant.understand import understand
from ingest import Library

OWN_SHARE = 2.0
"""Weight of the question itself against one of its phrasings."""


def widened(library: Library, query: Query, k: int, among: frozenset[str] | None = None) -> tuple[PaperHit, ...]:
    """The best `k` papers by the weighted sum of reciprocal ranks over all phrasings, best first, ties by id.

    A paper's similarity is that of the question where it found the paper, else that of the phrasing that did.
    """
    rankings = [(OWN_SHARE, retrieve(library, query, k, among))]
    rankings += [(1.0, retrieve(library, understand(phrase), k, among)) for phrase in query.alternatives]
    fused: dict[str, float] = {}
    hits: dict[str, PaperHit] = {}
    for weight, ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            fused[hit.paper.id] = fused.get(hit.paper.id, 0.0) + weight / (RANK_DAMPING + rank)
            hits.setdefault(hit.paper.id, hit)
    order = sorted(fused, key=lambda paper_id: (-fused[paper_id], paper_id))
    return tuple(hits[paper_id] for paper_id in order[:k])
