"""Query -> Hits: words and vectors find candidates, feedback finds more, and what all features say ranks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assistant.evidence import evidence
from assistant.features import Column, Feedback, Probe, Reading, features, feedback, left_aside, probe, read, unit
from assistant.records import ArmHit, Kind, PaperHit, Query
from assistant.weights import load
from ingest import Library
from ingest.encode import Vectors

POOL = 100
"""Papers looked at closely for a question, at least: with 150 rankings are the same, for half as much time again."""
_FIRST_POOL = 60
_ARM_PAPERS = 300
_SEARCHED_WITHIN = 1000
"""Papers, the nearest as a whole, that are compared with a question sentence by sentence."""
_DEEPEST = 50
_ONE_BY_ONE = 300
"""Papers whose vectors are compared one by one, however few others there are."""
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


def retrieve(library: Library, query: Query, k: int, among: frozenset[str] | None = None) -> tuple[PaperHit, ...]:
    """Ranks the papers of `library`, or those `among` them, best first, ties by id: at most `k`, at least 1."""
    seen = look(library, query, k, among)
    return hits(seen, seen.kept * load().relevance.probability(seen.table), k) if seen else ()


def look(library: Library, query: Query, k: int, among: frozenset[str] | None = None) -> Look | None:
    """Finds at least `k` candidates for `query`, if there are, and compares them with it; None if there is no paper."""
    asked = probe(library, query)
    readings, found = candidates(Scope.of(library, among), asked, max(k, POOL))
    if found is None:
        return None
    table = features(query, asked, found, readings)
    return Look(query, asked, tuple(readings), found, table, 1 - left_aside(asked, readings))


def hits(seen: Look, probability: Column, k: int) -> tuple[PaperHit, ...]:
    """The `k` readings of the greatest `probability`, best first, ties by id."""
    ids = np.argsort([reading.paper.id for reading in seen.readings])
    ranks = {name: _ranks(column, ids) for name, column in seen.table.items()}
    best = np.argsort(_ranks(probability, ids))[:k].tolist()
    return tuple(
        PaperHit(
            seen.readings[i].paper,
            float(probability[i]),
            evidence(seen.readings[i], seen.asked, seen.found, _SENTENCES[seen.query.kind]),
            {name: ArmHit(int(ranks[name][i]), float(column[i])) for name, column in seen.table.items()},
        )
        for i in best
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """The papers among which is searched: all of a library, or some."""

    library: Library
    ids: frozenset[str] | None
    """None for all."""
    deeper: int
    """How many times deeper the vectors must be searched to find as many of these papers."""
    one_by_one: bool
    """Whether the vectors of these papers are compared one by one."""

    @classmethod
    def of(cls, library: Library, ids: frozenset[str] | None) -> Self:
        """The scope of a question."""
        if ids is None:
            return cls(library, None, 1, one_by_one=False)
        deeper = 1 + len(library) // max(1, len(ids))
        few = deeper > _DEEPEST or len(ids) <= _ONE_BY_ONE
        return cls(library, ids, 1 if few else deeper, one_by_one=few)

    def words(self, terms: Mapping[str, float]) -> Arm:
        """The papers whose words fit best."""
        return [paper_id for paper_id, _ in self.library.words.search(list(terms.items()), _ARM_PAPERS, self.ids)]

    def nearest(self, vector: Vectors) -> Arm:
        """The papers that are nearest as a whole."""
        return [paper_id for paper_id, _ in self._nearest(vector, _ARM_PAPERS)]

    def saying(self, vector: Vectors) -> Arm:
        """Those that have the nearest sentences, among many that are near as a whole."""
        found = self.library.vectors.search_within(vector, self._nearest(vector, _SEARCHED_WITHIN))
        return [paper_id for paper_id, _ in found[:_ARM_PAPERS]]

    def filled(self, chosen: list[str], count: int) -> list[str]:
        """`chosen`, and papers that no arm found, by id, up to `count`: what it takes to judge every paper."""
        if len(chosen) >= min(count, len(self.library) if self.ids is None else len(self.ids)):
            return chosen
        every = {paper.id for paper in self.library.store.every_paper()} if self.ids is None else self.ids
        return chosen + sorted(every - set(chosen))[: count - len(chosen)]

    def _nearest(self, vector: Vectors, count: int) -> list[tuple[str, float]]:
        found = self.library.vectors.search(vector, count * self.deeper, self.ids if self.one_by_one else None)
        return [hit for hit in found if self.ids is None or hit[0] in self.ids][:count]


def candidates(scope: Scope, asked: Probe, count: int) -> tuple[list[Reading], Feedback | None]:
    """Reads the papers most worth looking at: at most `count`, in two rounds, the second with feedback.

    Returns:
        The papers, and what the best of them have in common; None when there is no paper.
    """
    library = scope.library
    arms = [scope.words(asked.terms), scope.saying(unit(asked.question + asked.content))]
    first = read(library, scope.filled(_fused(arms), 1)[:_FIRST_POOL])
    if not first:
        return [], None
    found = feedback(library, asked, first)
    arms += [scope.words(_half_half(asked.terms, found.terms)), scope.nearest(found.centre)]
    chosen = scope.filled(_fused(arms)[:count], count)
    known = {reading.paper.id: reading for reading in first}
    more = {reading.paper.id: reading for reading in read(library, [i for i in chosen if i not in known])}
    readings = [reading for i in chosen if (reading := known.get(i) or more.get(i))]
    return readings, feedback(library, asked, readings)


def _half_half(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {term: (one.get(term, 0.0) + other.get(term, 0.0)) / 2 for term in {**one, **other}}


def _fused(arms: Sequence[Arm]) -> list[str]:
    """Paper ids by the sum of reciprocal ranks over the arms, best first, ties by id."""
    fused: dict[str, float] = {}
    for arm in arms:
        for rank, paper_id in enumerate(arm, start=1):
            fused[paper_id] = fused.get(paper_id, 0.0) + 1 / (RANK_DAMPING + rank)
    return sorted(fused, key=lambda paper_id: (-fused[paper_id], paper_id))


def _ranks(column: Column, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rank of each value of `column`, from 1, the greatest first, ties as in `ids`, which are positions."""
    ranks = np.empty(len(column), dtype=np.int64)
    ranks[ids[np.argsort(-column[ids], kind="stable")]] = np.arange(1, len(column) + 1)
    return ranks
