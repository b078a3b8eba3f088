"""Chat -> Chat that bears with a server: how often, how long, how many at once, and when it stops asking."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from assistant.llm.patience import Breaker, Clock, Patient
from assistant.llm.records import ChatFailed, FailureKind, Message, Reply, Request, whole

PROSE = Request("x", (Message("user", "?"),), 9)
FORM = Request("x", PROSE.messages, 9, {"type": "object"})
REPLY = Reply("Hello.", "m", 1, 2)
Outcome = Reply | ChatFailed


@dataclass
class Time:
    """A clock that moves only by sleeping and by `passes`."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self.sleep)


class Plays:
    """A model whose calls end so, each after `takes_s`; the last outcome for ever. Pieces come before a failure."""

    model = "m"

    def __init__(self, time: Time, *outcomes: Outcome, takes_s: float = 0, pieces: tuple[str, ...] = ()) -> None:
        self.requests: list[Request] = []
        self._time, self._outcomes, self._takes_s, self._pieces = time, list(outcomes), takes_s, pieces

    def stream(self, request: Request) -> Iterator[str | Reply]:
        self.requests.append(request)
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        yield from self._pieces
        self._time.now += self._takes_s
        if isinstance(outcome, ChatFailed):
            raise outcome
        yield outcome.text
        yield outcome


def fails(kind: FailureKind, retry_after_s: float | None = None) -> ChatFailed:
    return ChatFailed(kind, "ill", retry_after_s=retry_after_s)


def failing(kind: FailureKind, request: Request = PROSE, **plays: object) -> tuple[ChatFailed, Plays, Time]:
    time = Time()
    chat = Plays(time, fails(kind), **plays)  # type: ignore[arg-type]
    with pytest.raises(ChatFailed) as caught:
        whole(Patient(chat, timeout_s=60, clock=time.clock), request)
    return caught.value, chat, time


@pytest.mark.parametrize(
    ("kind", "attempts"),
    [
        ("unreachable", 3),
        ("overloaded", 3),
        ("timeout", 3),
        ("cut_off", 3),
        ("nonsense", 2),
        ("refused", 1),
        ("quota", 1),
        ("too_large", 1),
        ("not_recorded", 1),
    ],
)
@pytest.mark.parametrize("request_", [PROSE, FORM])
def test_what_may_pass_is_tried_again(kind: FailureKind, attempts: int, request_: Request) -> None:
    failure, chat, time = failing(kind, request_)
    assert (failure.kind, failure.why, failure.calls) == (kind, "ill", attempts)
    assert len(chat.requests) == attempts
    assert len(time.slept) == attempts - 1


def test_it_waits_longer_each_time_and_never_twice_the_same() -> None:
    pauses = [failing("overloaded")[2].slept for _ in range(50)]
    assert all(0.25 <= first <= 0.5 <= second <= 1.0 for first, second in pauses)
    assert len({first for first, _ in pauses}) > 40


def test_it_waits_as_long_as_the_server_says() -> None:
    time = Time()
    chat = Plays(time, fails("overloaded", 7), REPLY)
    assert whole(Patient(chat, timeout_s=60, clock=time.clock), PROSE).calls == 2
    assert time.slept == [7]


def test_it_does_not_wait_beyond_the_deadline() -> None:
    time = Time()
    with pytest.raises(ChatFailed) as caught:
        whole(Patient(Plays(time, fails("overloaded", 61)), timeout_s=60, clock=time.clock), PROSE)
    assert (caught.value.calls, caught.value.retry_after_s, time.slept) == (1, 61, [])


def test_all_attempts_share_one_deadline() -> None:
    failure, chat, time = failing("overloaded", takes_s=29)
    assert failure.calls == 3
    assert time.now - 100 >= 60  # the third attempt had what was left, and takes longer only because this clock is fake
    limits = [request.timeout_s or 0 for request in chat.requests]
    assert limits[0] == 60
    assert 30 < limits[1] < 31
    assert 0 < limits[2] < 2


def test_a_request_may_have_less_time() -> None:
    time = Time()
    chat = Plays(time, fails("overloaded"), takes_s=3)
    with pytest.raises(ChatFailed) as caught:
        whole(Patient(chat, timeout_s=60, clock=time.clock), Request("x", PROSE.messages, 9, timeout_s=2))
    assert (caught.value.calls, chat.requests[0].timeout_s) == (1, 2)


def test_prose_that_was_shown_is_not_taken_back() -> None:
    time = Time()
    chat = Plays(time, fails("cut_off"), REPLY, pieces=("Hel",))
    pieces = Patient(chat, clock=time.clock).stream(PROSE)
    assert next(pieces) == "Hel"
    with pytest.raises(ChatFailed) as caught:
        next(pieces)
    assert caught.value.calls == len(chat.requests) == 1


def test_a_form_is_shown_when_it_is_whole() -> None:
    time = Time()
    chat = Plays(time, fails("cut_off"), REPLY, pieces=("Hel",))
    *pieces, reply = Patient(chat, clock=time.clock).stream(FORM)
    assert pieces == ["Hel", "Hello."]
    assert isinstance(reply, Reply)
    assert reply.calls == 2


def test_no_more_than_so_many_at_once() -> None:
    running, most, lock, go = 0, 0, threading.Lock(), threading.Event()

    class Slow:
        model = "m"

        def stream(self, _: Request) -> Iterator[str | Reply]:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            go.wait(0.05)
            with lock:
                running -= 1
            yield REPLY

    patient = Patient(Slow(), at_once=3)
    threads = [threading.Thread(target=whole, args=(patient, PROSE)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def test_a_turn_that_does_not_come_is_a_failure_in_time() -> None:
    patient = Patient(Plays(Time(), REPLY), timeout_s=0.1, at_once=1)
    held = patient.stream(PROSE)
    assert next(held) == "Hello."
    with pytest.raises(ChatFailed, match="too many calls") as caught:
        whole(patient, PROSE)
    assert caught.value.calls == 0
    held.close()  # type: ignore[attr-defined]  # it is a generator
    assert whole(patient, PROSE).text == "Hello."


# --- the breaker ------------------------------------------------------------------------------------------------------


def patient_with(time: Time, *outcomes: Outcome) -> tuple[Callable[[], str], Plays]:
    """Calls a patient chat; what came of it."""
    chat = Plays(time, *outcomes)
    patient = Patient(chat, clock=time.clock)

    def call() -> str:
        try:
            return whole(patient, PROSE).text
        except ChatFailed as failure:
            return f"{failure.kind} after {failure.calls}"

    return call, chat


def test_after_five_failures_in_a_row_a_server_is_left_alone_for_a_while() -> None:
    time = Time()
    call, chat = patient_with(time, *[fails("unreachable")] * 5, REPLY)
    assert [call(), call()] == ["unreachable after 3", "unreachable after 2"]
    assert call() == "unreachable after 0"
    assert len(chat.requests) == 5
    time.now += Breaker.REST_S - 1.5
    assert call() == "unreachable after 0"
    time.now += 2
    assert call() == "Hello."
    assert call() == "Hello."


def test_the_message_of_an_open_breaker_says_what_was_wrong() -> None:
    time = Time()
    patient = Patient(Plays(time, fails("overloaded")), clock=time.clock)
    for _ in range(2):
        with pytest.raises(ChatFailed):
            whole(patient, PROSE)
    with pytest.raises(ChatFailed, match="not asked, after 5 failures in a row; the last: ill") as caught:
        whole(patient, PROSE)
    assert (caught.value.kind, caught.value.calls) == ("overloaded", 0)
    assert 0 < (caught.value.retry_after_s or 0) <= Breaker.REST_S


@pytest.mark.parametrize("between", [REPLY, "time"])
def test_failures_apart_do_not_open_it(between: Reply | str) -> None:
    time = Time()
    outcomes = [fails("overloaded"), fails("overloaded"), REPLY] * 5 if between == REPLY else [fails("overloaded")]
    call, chat = patient_with(time, *outcomes)
    for _ in range(5):
        call()
        time.now += 0 if between == REPLY else Breaker.WITHIN_S
    assert len(chat.requests) == 15


@pytest.mark.parametrize("kind", ["refused", "quota", "nonsense", "too_large"])
def test_what_is_no_illness_of_the_server_does_not_open_it(kind: FailureKind) -> None:
    time = Time()
    call, chat = patient_with(time, fails(kind))
    for _ in range(10):
        assert not call().endswith("after 0")
    assert len(chat.requests) >= 10
