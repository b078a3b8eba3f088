"""Work -> results: requests wait in one line for a few threads, and are given up once nobody waits for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TypeAlias, TypeVar, cast

from assistant.serve.errors import Full, Late

T = TypeVar("T")

Arrival: TypeAlias = tuple[T] | tuple[()] | None
"""A result; nothing yet; the end."""

BEAT_S = 10.0
"""How long a response is silent at most: proxies take a longer silence for a broken connection."""


class Line:
    """A few threads, and so many places to wait for one of them."""

    def __init__(self, at_once: int, waiting: int, deadline_s: float) -> None:
        """Opens the line.

        Args:
            at_once: Threads: how much work is done at the same time.
            waiting: How much more may wait.
            deadline_s: Most seconds from a request's arrival to its last result.
        """
        self._deadline_s, self._room = deadline_s, at_once + waiting
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="answer")
        self._places = threading.Semaphore(self._room)

    async def each(self, work: Callable[[], Iterator[T]]) -> AsyncGenerator[T | None]:
        """What `work` yields, in a thread, as it comes; closing this ends `work` at its next result.

        Yields:
            Each result; None whenever none came for BEAT_S.

        Raises:
            Full: There is no place to wait.
            Late: The deadline has passed.
            Exception: Whatever `work` raises.
        """
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        ends = loop.time() + self._deadline_s
        arrived: asyncio.Queue[Arrival[T]] = asyncio.Queue()
        if not self._places.acquire(blocking=False):
            raise Full(self._room)
        done = self._pool.submit(_take, work, stopped, lambda one: loop.call_soon_threadsafe(arrived.put_nowait, one))
        done.add_done_callback(lambda _: self._places.release())
        try:
            while (results := await self._next(arrived, ends)) is not None:
                yield results[0] if results else None
            await asyncio.wrap_future(done)
        finally:
            stopped.set()
            done.cancel()

    async def _next(self, arrived: asyncio.Queue[Arrival[T]], ends: float) -> Arrival[T]:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(ends, now + BEAT_S)):
                return await arrived.get()
        except TimeoutError:
            if ends <= now + BEAT_S:
                raise Late(self._deadline_s) from None
            return ()

    async def last(self, work: Callable[[], Iterator[T]]) -> T:
        """The last thing that `work` yields. See `each`."""
        last: T | None = None
        async with aclosing(self.each(work)) as results:
            async for result in results:
                last = last if result is None else result
        return cast(T, last)

    def close(self) -> None:
        """Takes no more work, and forgets what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _take(work: Callable[[], Iterator[T]], stopped: threading.Event, put: Callable[[Arrival[T]], object]) -> None:
    try:
        for result in work():
            if stopped.is_set():
                return
            put((result,))
    finally:
        if not stopped.is_set():
            put(None)
