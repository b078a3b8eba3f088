"""Whether what is shown as a quote is one."""

from __future__ import annotations

from evals.records import Outcome


def quote_validity(outcome: Outcome) -> float | None:
    """The share of quotes that are the library's text at their offsets; answers without quotes don't count."""
    quotes = sum(len(citation.quotes) for citation in outcome.answer.citations)
    return 1 - outcome.invalid_quotes / quotes if quotes else None
