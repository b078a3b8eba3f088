"""What an answer costs."""

from __future__ import annotations

from evals.records import Outcome


def prompt_tokens(outcome: Outcome) -> float | None:
    """Tokens sent to the language model."""
    return float(outcome.answer.usage.prompt_tokens)


def cost_usd(outcome: Outcome) -> float | None:
    """Price of the language model's work, in US dollars; None where it is not known."""
    return outcome.answer.usage.cost_usd
