"""What an answer costs, and whether there was one."""

from __future__ import annotations

from evals.records import UNSCORED, Outcome, Value


def prompt_tokens(outcome: Outcome) -> Value:
    """Tokens sent to the language model."""
    return float(outcome.answer.usage.prompt_tokens)


def cost_usd(outcome: Outcome) -> Value:
    """Price of the language model's work, in US dollars; unscored where it is not known."""
    cost = outcome.answer.usage.cost_usd
    return UNSCORED if cost is None else cost


def failures(outcome: Outcome) -> Value:
    """1 where the system gave no answer for a reason outside (its model was down), else 0."""
    return float(outcome.reply.failure is not None)


def seconds(outcome: Outcome) -> Value:
    """Wall time of the answer; None where it is not known."""
    return outcome.reply.seconds
