"""Whether the assistant says no when, and only when, the library holds no answer.

Abstaining is taken as a classification, a case with nothing to find being positive; both values are in [0, 1].
"""

from __future__ import annotations

from evals.records import Outcome, Value


def precision(outcome: Outcome) -> Value:
    """Of the answers that abstain: 1 where there was nothing to find, else 0."""
    return float(not outcome.relevant) if outcome.answer.abstained else None


def recall(outcome: Outcome) -> Value:
    """Of the cases with nothing to find: 1 where the answer abstains, else 0."""
    return float(outcome.answer.abstained) if not outcome.relevant else None
