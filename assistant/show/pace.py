"""Events -> events at a steady pace, so that waiting for the next can be shown and given up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

BEAT_S = 0.2
"""How long nothing is heard of what is awaited, at most."""


def paced(events: Iterator[T], stopped: threading.Event) -> Iterator[T | None]:
    """Events as they come, from a thread of their own, so that waiting for one can be given up.

    Args:
        events: Taken from that thread alone.
        stopped: Once set, this ends within BEAT_S, and the thread once its next event has come.

    Yields:
        Each event; None whenever none came for BEAT_S.

    Raises:
        Exception: Whatever `events` raises.
    """
    arrived: queue.SimpleQueue[T] = queue.SimpleQueue()

    def take() -> None:
        for event in events:
            if stopped.is_set():
                return
            arrived.put(event)

    pool = ThreadPoolExecutor(1, thread_name_prefix="answer")
    work = pool.submit(take)
    pool.shutdown(wait=False)
    while not stopped.is_set():
        over = work.done()
        try:
            yield arrived.get(timeout=0 if over else BEAT_S)
        except queue.Empty:
            if over:
                work.result()
                return
            yield None
