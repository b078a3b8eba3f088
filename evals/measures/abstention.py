"""Whether the assistant says no when, and only when, the library holds no answer."""

from __future__ import annotations

from evals.records import Outcome


def precision(outcome: Outcome) -> float | None:
    """Of the answers that abstain: 1 where there was nothing to find, else 0."""
    return float(not outcome.relevant) if outcome.answer.abstained else None


def recall(outcome: Outcome) -> float | None:
    """Of the cases with nothing to find: 1 where the answer abstains, else 0."""
    return float(outcome.answer.abstained) if not outcome.relevant else None
