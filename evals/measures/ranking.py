"""How well the relevant papers are ranked first, before anything is judged; all in [0, 1].

A case counts if it has relevant papers and the system shows a ranking.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from evals.records import Outcome, Value


def ndcg(ranked: Sequence[float], relevant: Iterable[float], depth: int) -> float:
    """Normalised discounted cumulative gain, the grade as gain (Järvelin and Kekäläinen, TOIS 2002).

    Args:
        ranked: Grade of each paper in the ranking, best first, 0 for one that is not relevant.
        relevant: Grades of all relevant papers, at least one.
        depth: How much of the ranking counts.
    """
    return _gain(ranked[:depth]) / _gain(sorted(relevant, reverse=True)[:depth])


def recall(ranked: Sequence[float], relevant: int, depth: int) -> float:
    """The share of the `relevant` (at least one) papers among the first `depth` of the ranking."""
    return sum(grade > 0 for grade in ranked[:depth]) / relevant


def ndcg_at_10(outcome: Outcome) -> Value:
    """`ndcg` of the first ten papers."""
    grades = _grades(outcome)
    return None if grades is None else ndcg(grades, outcome.relevant.values(), 10)


def recall_at(depth: int) -> Callable[[Outcome], Value]:
    """`recall` of the first `depth` papers."""

    def measure(outcome: Outcome) -> Value:
        grades = _grades(outcome)
        return None if grades is None else recall(grades, len(outcome.relevant), depth)

    return measure


def reciprocal_rank(outcome: Outcome) -> Value:
    """`first_hit` of the whole ranking (mean reciprocal rank: Voorhees, TREC-8, 1999)."""
    grades = _grades(outcome)
    return None if grades is None else first_hit(grades)


def first_hit(ranked: Sequence[float]) -> float:
    """One over the rank of the first relevant paper, 0 if there is none."""
    return 1 / next((rank for rank, grade in enumerate(ranked, start=1) if grade), math.inf)


def _grades(outcome: Outcome) -> list[int] | None:
    """Of the papers in the ranking, best first; None where the case or the system has none."""
    if outcome.reply.ranking is None or not outcome.relevant:
        return None
    return [outcome.relevant.get(paper_id, 0) for paper_id in outcome.reply.ranking]


def _gain(grades: Sequence[float]) -> float:
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))
