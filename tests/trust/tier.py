"""How much is tried: the short tier runs with all other tests, the long one by `make trust`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("TRUST_TIER") == "long"


def amount(short: int, long: int) -> int:
    """How many, in this tier."""
    return long if LONG else short


def some(cases: Sequence[T], short: int) -> list[T]:
    """All of `cases`, or in the short tier `short` of them, spread evenly."""
    if LONG or short >= len(cases):
        return list(cases)
    return [cases[n * len(cases) // short] for n in range(short)]
