"""Work -> proof that it is quick: bars of time that tell of the code, and not of what else the machine has to do.

A bar that holds in one of three tries is a true statement about the code; that it was missed may be one about the
machine. So one that is missed is tried again, twice at most, and by then in seconds of a quiet machine.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Result = TypeVar("Result")
Clock = Callable[[], float]

AGAIN = 2
"""How often a bar that was missed is tried again."""
_USUAL_S = 0.08


def slowness(clock: Clock = time.process_time) -> float:
    """How many times slower than usual this machine is now, at least 1: others may be at work on it."""
    _, taken_s = _timed(lambda: sum(n * n for n in range(1_000_000)), clock)
    return max(1.0, taken_s / _USUAL_S)


def of_children() -> float:
    """Seconds of a processor that processes took which were started here and have ended."""
    return os.times().children_user


def within(limit_s: float, work: Callable[[], Result], clock: Clock = time.process_time) -> Result:
    """What `work` returns, once it took no more than `limit_s`.

    Args:
        limit_s: Of a processor of a quiet machine.
        work: It can be pickled, as it is tried again in a process of its own, which has nobody else's garbage.
        clock: Of the processor time of this process, or `of_children`.
    """
    gc.collect()
    result, taken_s = _timed(work, clock)
    for _ in range(AGAIN):
        if taken_s > limit_s:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                taken_s = fresh.submit(_seconds, work, clock).result()
    assert taken_s <= limit_s, f"{taken_s:.2f} s of a quiet machine; expected {limit_s} s at most"
    return result


def on_time(waits_s: float, slack_s: float, work: Callable[[], Result], again: int = AGAIN) -> Result:
    """What `work` returns, once it took no more than `waits_s` of waiting and `slack_s` of a quiet machine.

    By the clock on the wall: for work in which several processes or threads take part. It can be done again, or else
    `again` is 0.
    """
    for _ in range(again + 1):
        result, taken_s = _timed(work, time.monotonic)
        late_s = taken_s - waits_s
        if late_s <= slack_s or late_s <= slack_s * slowness(time.monotonic):
            return result
    raise AssertionError(f"took {taken_s:.2f} s; expected {waits_s + slack_s} s at most")


def _seconds(work: Callable[[], object], clock: Clock) -> float:
    """Seconds that `work` takes, as a quiet machine would count them."""
    before = slowness()
    _, taken_s = _timed(work, clock)
    return taken_s / max(before, slowness())


def _timed(work: Callable[[], Result], clock: Clock) -> tuple[Result, float]:
    started = clock()
    result = work()
    return result, clock() - started
