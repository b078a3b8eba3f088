"""Reply -> Usage: what the calls to a language model add up to, in tokens and in dollars."""

from __future__ import annotations

import json
import threading
from functools import cache
from pathlib import Path

from assistant.llm.records import Reply
from assistant.records import Usage

_PRICES = Path(__file__).with_name("prices.json")


class Meter:
    """Adds up. May be used from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = self._prompt = self._completion = 0
        self._cost_usd: float | None = 0.0

    def add(self, reply: Reply) -> None:
        """Counts `reply`; one that came from the record cost nothing and counts nothing."""
        if not reply.calls:
            return
        price = 0.0 if reply.local else cost_usd(reply.model, reply.prompt_tokens, reply.completion_tokens)
        with self._lock:
            self._calls += reply.calls
            self._prompt += reply.prompt_tokens
            self._completion += reply.completion_tokens
            self._cost_usd = None if price is None or self._cost_usd is None else self._cost_usd + price

    def add_failed(self, calls: int) -> None:
        """Counts calls that brought no reply, of which nobody tells what they cost."""
        with self._lock:
            self._calls += calls

    def usage(self) -> Usage:
        """What was counted so far."""
        with self._lock:
            cost = None if self._cost_usd is None else round(self._cost_usd, 6)
            return Usage(self._calls, self._prompt, self._completion, cost)


def cost_usd(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """What a hosted model's tokens cost by prices.json; None where that does not know the model.

    A name is known with a date behind it, too, as servers tell it: `MODEL-2025-04-14`.
    """
    prices = _prices()
    known = [name for name in prices if model == name or _is_dated(model, name)]
    if not known:
        return None
    prompt, completion = prices[max(known, key=len)]
    return (prompt_tokens * prompt + completion_tokens * completion) / 1_000_000


def _is_dated(model: str, name: str) -> bool:
    rest = model.removeprefix(f"{name}-")
    return rest != model and rest.replace("-", "").isdigit() and len(rest) >= 8


@cache
def _prices() -> dict[str, tuple[float, float]]:
    table = json.loads(_PRICES.read_text("utf-8"))["models"]
    return {name: (row["prompt"], row["completion"]) for name, row in table.items()}
