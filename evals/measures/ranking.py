"""How well `search` ranks the relevant papers first, before anything is judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from evals.records import Outcome


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


def ndcg_at_10(outcome: Outcome) -> float | None:
    """`ndcg` of the first ten papers."""
    return ndcg(_grades(outcome), outcome.relevant.values(), 10) if outcome.relevant else None


def recall_at(depth: int) -> Callable[[Outcome], float | None]:
    """`recall` of the first `depth` papers."""

    def measure(outcome: Outcome) -> float | None:
        return recall(_grades(outcome), len(outcome.relevant), depth) if outcome.relevant else None

    return measure


def reciprocal_rank(outcome: Outcome) -> float | None:
    """One over the rank of the first relevant paper, 0 if there is none."""
    if not outcome.relevant:
        return None
    return 1 / next((rank for rank, grade in enumerate(_grades(outcome), start=1) if grade), math.inf)


def _grades(outcome: Outcome) -> list[int]:
    return [outcome.relevant.get(paper_id, 0) for paper_id in outcome.ranking]


def _gain(grades: Sequence[float]) -> float:
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))
