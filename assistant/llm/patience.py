"""Chat -> Chat that bears with a server: tries again, waits its turn, and leaves one alone that is down."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import tenacity

from assistant.llm.records import Chat, ChatFailed, FailureKind, Reply, Request

_ATTEMPTS = 3
_PASSING: frozenset[FailureKind] = frozenset({"unreachable", "overloaded", "timeout", "cut_off"})
"""Failures that may be gone the next time, and that say that the server is ill."""
_BACK_OFF_S = 0.5


@dataclass(frozen=True, slots=True)
class Clock:
    """What passes for time."""

    now: Callable[[], float] = time.monotonic
    """Seconds since some moment."""
    sleep: Callable[[float], None] = time.sleep


class Patient:
    """A language model whose passing failures are tried again, within one deadline for all attempts.

    Nothing is tried again once a piece of prose was yielded. A reply with a form is yielded when it is whole.
    """

    def __init__(self, chat: Chat, *, timeout_s: float = 60, at_once: int = 4, clock: Clock | None = None) -> None:
        """Wraps `chat`.

        Args:
            chat: Makes one attempt a call, and keeps to `Request.timeout_s`.
            timeout_s: Most seconds for all attempts of a call; and for its turn to come, before that.
            at_once: Most calls at the same time.
            clock: For tests.
        """
        self._chat, self._timeout_s, self._clock = chat, timeout_s, clock or Clock()
        self._turns = threading.BoundedSemaphore(at_once)
        self._breaker = Breaker(self._clock)
        self._random = random.Random()  # noqa: S311 (spreads attempts in time; determines no reply)

    @property
    def model(self) -> str:
        """See `Chat.model`."""
        return self._chat.model

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`."""
        limit_s = min(self._timeout_s, request.timeout_s or self._timeout_s)
        if not self._turns.acquire(timeout=limit_s):
            raise ChatFailed("overloaded", "too many calls are under way already", calls=0)
        try:
            yield from self._persistently(request, self._clock.now() + limit_s)
        finally:
            self._turns.release()

    def _persistently(self, request: Request, ends: float) -> Iterator[str | Reply]:
        attempts = 0

        def attempt() -> Iterable[str | Reply]:
            nonlocal attempts
            self._breaker.check()
            attempts += 1
            return self._begin(replace(request, timeout_s=max(0.001, ends - self._clock.now())))

        persist = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, ChatFailed) and _may_pass(error)),
            stop=lambda state: _is_enough(state, self._clock.now(), ends),
            wait=self._pause_s,
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            for piece in persist(attempt):
                yield replace(piece, calls=attempts) if isinstance(piece, Reply) else piece
        except ChatFailed as failure:
            raise ChatFailed(
                failure.kind, failure.why, retry_after_s=failure.retry_after_s, calls=attempts
            ) from failure

    def _begin(self, request: Request) -> Iterable[str | Reply]:
        """The reply as far as it can still be taken back."""
        pieces = self._watched(request)
        return list(pieces) if request.form is not None else chain([next(pieces)], pieces)

    def _watched(self, request: Request) -> Iterator[str | Reply]:
        try:
            for piece in self._chat.stream(request):
                if isinstance(piece, Reply):
                    self._breaker.worked()
                yield piece
        except ChatFailed as failure:
            self._breaker.failed(failure)
            raise

    def _pause_s(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told_s = (error.retry_after_s or 0.0) if isinstance(error, ChatFailed) else 0.0
        return max(told_s, _BACK_OFF_S * 2.0 ** (state.attempt_number - 1) * self._random.uniform(0.5, 1.0))


class Breaker:
    """Opens after FAILURES in a row within WITHIN_S: for REST_S a server that is down is not asked at all."""

    FAILURES, WITHIN_S, REST_S = 5, 30.0, 30.0

    def __init__(self, clock: Clock) -> None:
        """A closed one."""
        self._clock, self._lock = clock, threading.Lock()
        self._failures: deque[tuple[float, ChatFailed]] = deque(maxlen=self.FAILURES)

    def check(self) -> None:
        """Lets a call pass.

        Raises:
            ChatFailed: It is open; as the last failure was, with `calls` 0.
        """
        with self._lock:
            if len(self._failures) < self.FAILURES:
                return
            first_at, last_at = self._failures[0][0], self._failures[-1][0]
            last = self._failures[-1][1]
        rest_s = last_at + self.REST_S - self._clock.now()
        if last_at - first_at <= self.WITHIN_S and rest_s > 0:
            why = f"not asked, after {self.FAILURES} failures in a row; the last: {last.why}"
            raise ChatFailed(last.kind, why, retry_after_s=rest_s, calls=0)

    def failed(self, failure: ChatFailed) -> None:
        """Takes note of a failure."""
        if failure.kind in _PASSING:
            with self._lock:
                self._failures.append((self._clock.now(), failure))

    def worked(self) -> None:
        """Takes note of a reply."""
        with self._lock:
            self._failures.clear()


def _may_pass(failure: ChatFailed) -> bool:
    return failure.calls > 0 and (failure.kind in _PASSING or failure.kind == "nonsense")


def _is_enough(state: tenacity.RetryCallState, now: float, ends: float) -> bool:
    error = state.outcome.exception() if state.outcome else None
    most = 2 if isinstance(error, ChatFailed) and error.kind == "nonsense" else _ATTEMPTS
    return state.attempt_number >= most or now + state.upcoming_sleep >= ends
