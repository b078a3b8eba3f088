"""Whether the answer's sentences rest on what they cite."""

from __future__ import annotations

from evals.records import UNSCORED, Outcome, Value


def groundedness(outcome: Outcome) -> Value:
    """The mean over claims of how far the quotes that each cites support it, in [0, 1]; 0 for one that cites none.

    Source: the support evaluation of the TREC RAG tracks (Thakur et al., 2025), over sentences ("weighted recall").
    Answers without claims don't count; unscored if a claim could not be judged.
    """
    if not outcome.grounded:
        return None
    known = [value for value in outcome.grounded if value is not None]
    return sum(known) / len(known) if len(known) == len(outcome.grounded) else UNSCORED
