"""Query -> Hits: words and vectors find candidates, feedback finds more, and what all features say ranks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.evidence import evidence
from assistant.features import Column, Feedback, Probe, Reading, features, feedback, left_aside, probe, read
from assistant.records import ArmHit, Kind, PaperHit, Query
from assistant.weights import load
from ingest import Library
from ingest.encode import Vectors

POOL = 150
"""Papers looked at closely for a question, at least."""
_FIRST_POOL = 60
_ARM_PAPERS = 300
_ARM_PASSAGES = 1_000
RANK_DAMPING = 30
"""The constant of reciprocal rank fusion (Cormack et al., SIGIR 2009)."""

_SENTENCES: Mapping[Kind, int] = {"list": 2, "compare": 2, "fact": 3}
"""Sentences quoted of each paper: the one that holds a fact is harder to tell than the one that shows a subject."""

Arm = Sequence[str]
"""Paper ids, best first."""


@dataclass(frozen=True, slots=True)
class Look:
    """A question and the papers that were looked at closely for it."""

    query: Query
    asked: Probe
    readings: tuple[Reading, ...]
    """At least one, in no order of merit."""
    found: Feedback
    table: Mapping[str, Column]
    """Every feature of every reading."""
    kept: Column
    """What part of its relevance each reading keeps in view of what the question leaves aside, in [0, 1]."""


def retrieve(library: Library, query: Query, k: int) -> tuple[PaperHit, ...]:
    """Ranks the papers of `library` for `query`, best first, ties by id: at most `k`, at least 1."""
    seen = look(library, query, k)
    return hits(seen, seen.kept * load().relevance.probability(seen.table), k) if seen else ()


def look(library: Library, query: Query, k: int) -> Look | None:
    """Finds at least `k` candidates for `query`, if there are, and compares them with it; None if there is no paper."""
    asked = probe(library, query)
    readings, found = candidates(library, asked, max(k, POOL))
    if found is None:
        return None
    table = features(query, asked, found, readings)
    return Look(query, asked, tuple(readings), found, table, 1 - left_aside(asked, readings))


def hits(seen: Look, probability: Column, k: int) -> tuple[PaperHit, ...]:
    """The `k` readings of the greatest `probability`, best first, ties by id."""
    arms = {name: _ranked(column, seen.readings) for name, column in seen.table.items()}
    order = sorted(range(len(probability)), key=lambda i: (-probability[i], seen.readings[i].paper.id))
    return tuple(
        PaperHit(
            seen.readings[i].paper,
            float(probability[i]),
            evidence(seen.readings[i], seen.asked, seen.found, _SENTENCES[seen.query.kind]),
            {name: arm[i] for name, arm in arms.items()},
        )
        for i in order[:k]
    )


def candidates(library: Library, asked: Probe, count: int) -> tuple[list[Reading], Feedback | None]:
    """Reads the papers most worth looking at: at most `count`, in two rounds, the second with feedback.

    Returns:
        The papers, and what the best of them have in common; None when there is no paper.
    """
    arms = [_words(library, asked.terms), _nearest(library, asked.question), _nearest(library, asked.content)]
    first = read(library, _fused(arms)[:_FIRST_POOL])
    if not first:
        return [], None
    found = feedback(library, asked, first)
    arms += [_words(library, _half_half(asked.terms, found.terms)), _nearest(library, found.centre)]
    chosen = _filled(library, _fused(arms)[:count], count)
    known = {reading.paper.id: reading for reading in first}
    more = {reading.paper.id: reading for reading in read(library, [i for i in chosen if i not in known])}
    readings = [reading for i in chosen if (reading := known.get(i) or more.get(i))]
    return readings, feedback(library, asked, readings)


def _filled(library: Library, chosen: list[str], count: int) -> list[str]:
    """`chosen`, and papers that no arm found, by id, up to `count`: what it takes to judge every paper."""
    if len(chosen) >= min(count, len(library)):
        return chosen
    others = {paper.id for paper in library.store.every_paper()} - set(chosen)
    return chosen + sorted(others)[: count - len(chosen)]


def _words(library: Library, terms: Mapping[str, float]) -> Arm:
    return [paper_id for paper_id, _ in library.words.search(list(terms.items()), _ARM_PAPERS)]


def _nearest(library: Library, vector: Vectors) -> Arm:
    passages = library.vectors.search(vector, _ARM_PASSAGES)
    return list(dict.fromkeys(paper_id for paper_id, _, _ in passages))[:_ARM_PAPERS]


def _half_half(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {term: (one.get(term, 0.0) + other.get(term, 0.0)) / 2 for term in {**one, **other}}


def _fused(arms: Sequence[Arm]) -> list[str]:
    """Paper ids by the sum of reciprocal ranks over the arms, best first, ties by id."""
    fused: dict[str, float] = {}
    for arm in arms:
        for rank, paper_id in enumerate(arm, start=1):
            fused[paper_id] = fused.get(paper_id, 0.0) + 1 / (RANK_DAMPING + rank)
    return sorted(fused, key=lambda paper_id: (-fused[paper_id], paper_id))


def _ranked(column: Column, readings: Sequence[Reading]) -> list[ArmHit]:
    order = sorted(range(len(readings)), key=lambda i: (-column[i], readings[i].paper.id))
    rank = {i: position for position, i in enumerate(order, start=1)}
    return [ArmHit(rank[i], float(column[i])) for i in range(len(readings))]
