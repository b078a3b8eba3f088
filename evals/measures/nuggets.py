"""How many of the facts that a full answer tells the answer tells. Cases without nuggets don't count.

Source: the nugget evaluation of the TREC RAG tracks (Pradeep et al., "The Great Nugget Recall", 2025), with one weight
for every nugget. An answer that abstains tells nothing: 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from evals.records import UNSCORED, Outcome, Value


def recall(outcome: Outcome) -> Value:
    """The mean over all nuggets of how far each is told, in [0, 1]; unscored if one could not be judged."""
    return _mean(outcome.told)


def vital_recall(outcome: Outcome) -> Value:
    """`recall` over the vital nuggets alone."""
    pairs = zip(outcome.case.nuggets, outcome.told, strict=True)
    return _mean([told for nugget, told in pairs if nugget.vital])


def _mean(told: Sequence[float | None]) -> Value:
    if not told:
        return None
    known = [value for value in told if value is not None]
    return sum(known) / len(known) if len(known) == len(told) else UNSCORED
