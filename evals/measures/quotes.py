"""Whether what is shown as a quote is one."""

from __future__ import annotations

from evals.records import Outcome, Value


def quote_validity(outcome: Outcome) -> Value:
    """The share of quotes that are the library's text at their offsets, in [0, 1]; answers without quotes don't count.

    A quote of a paper that the library does not hold is not valid.
    """
    quotes = sum(len(citation.quotes) for citation in outcome.answer.citations)
    return 1 - outcome.invalid_quotes / quotes if quotes else None
