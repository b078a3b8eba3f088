"""Whether the sentence that answers holds the fact that was asked for."""

from __future__ import annotations

import re

from evals.records import Outcome


def answer_match(outcome: Outcome) -> float | None:
    """1 if a quote of the first citation matches a pattern of the case, else 0; not counted without patterns."""
    if not outcome.case.answer_patterns:
        return None
    quotes = " ".join(quote.text for citation in outcome.answer.citations[:1] for quote in citation.quotes)
    return float(any(re.search(pattern, quotes) for pattern in outcome.case.answer_patterns))
