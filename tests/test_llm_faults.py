"""Every way a server can be ill, streaming and not: the right kind of failure, in time, and no secret in any text."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from assistant.llm.openai_chat import OpenAIChat
from assistant.llm.patience import Clock, Patient
from assistant.llm.records import Chat, ChatFailed, FailureKind, Message, Reply, Request, whole
from tests.llm_server import (
    USAGE,
    Act,
    LLMServer,
    breaks_off,
    chunk,
    completion,
    compressed_zeros,
    drips,
    drips_headers,
    fails,
    hangs,
    in_turn,
    says,
    sends,
    streams,
)
from tests.timing import on_time

SECRET = "sk-canary-7f3a9c"  # noqa: S105
PROMPT = "A sentence of the request that no error may show to anyone."
DEADLINE_S = 2.0
SOAKED = int(os.environ.get("TRUST_SOAK", "1000"))
EVENTS = "text/event-stream"


def request(form: Mapping[str, object] | None = None) -> Request:
    return Request("faults", (Message("system", "Be brief."), Message("user", PROMPT)), 200, form)


@dataclass(frozen=True)
class Fault:
    """What a server does, and what a caller is to see of it."""

    act: Act
    kind: FailureKind
    attempts: int
    """HTTP requests it takes to give up."""
    plain: bool | None = None
    """Whether it is told of plain or of streamed replies only; None for both."""


BAD_SHAPE = json.dumps({"answer": "42"}).encode()
ECHO = f"I cannot read {PROMPT!r}, which came with Bearer {SECRET}"
FAULTS: Mapping[str, Fault] = {
    "429": Fault(fails(429, "slow down"), "overloaded", 3),
    "429 with Retry-After": Fault(fails(429, headers={"Retry_After": "0"}), "overloaded", 3),
    "429 with Retry-After beyond the deadline": Fault(fails(429, headers={"Retry_After": "600"}), "overloaded", 1),
    "429 with a date to retry after": Fault(
        fails(429, headers={"Retry_After": "Fri, 31 Dec 2999 23:59:59 GMT"}), "overloaded", 1
    ),
    "429 with Retry-After in no known form": Fault(fails(429, headers={"Retry_After": "soon"}), "overloaded", 3),
    "quota": Fault(fails(429, "You exceeded your current quota", code="insufficient_quota"), "quota", 1),
    "payment required": Fault(fails(402, "pay"), "quota", 1),
    "500": Fault(fails(500), "overloaded", 3),
    "503 with a page for people": Fault(sends(b"<html><h1>Bad gateway</h1>", "text/html", 503), "overloaded", 3),
    "529": Fault(fails(529), "overloaded", 3),
    "400": Fault(fails(400, "this model's maximum context length is 8 tokens"), "refused", 1),
    "400 that echoes": Fault(fails(400, ECHO), "refused", 1),
    "401 that echoes the key": Fault(fails(401, f"Incorrect API key provided: {SECRET}"), "refused", 1),
    "403": Fault(fails(403), "refused", 1),
    "404, no such model": Fault(fails(404, "The model `scripted` does not exist"), "refused", 1),
    "error without a body": Fault(sends(b"", "text/plain", 500), "overloaded", 3),
    "error of another shape": Fault(sends(b'{"error": "bad"}', status=500), "overloaded", 3),
    "redirect": Fault(sends(b"", status=307, Location="http://127.0.0.1:9/v1/chat/completions"), "refused", 1),
    "time-out before the headers": Fault(hangs(), "timeout", 1),
    "headers in drips": Fault(drips_headers(), "timeout", 1),
    "body in drips": Fault(drips(), "timeout", 1),
    "reset": Fault(lambda exchange: exchange.reset(), "unreachable", 3),
    "hung up": Fault(sends(b"", status=200), "nonsense", 2),
    "HTML": Fault(sends(b"<html><body>Log in to the hotel's network</body>", "text/html"), "nonsense", 2),
    "malformed JSON": Fault(sends(b'{"choices": [{"mess'), "nonsense", 2),
    "deeply nested JSON": Fault(sends(b"[" * 200_000), "nonsense", 2),
    "not UTF-8": Fault(sends(b'data: {"choices": "\xff\xfe"}\n\n', EVENTS), "nonsense", 2),
    "JSON of another shape": Fault(sends(BAD_SHAPE), "nonsense", 2),
    "no JSON object": Fault(sends(b"42"), "nonsense", 2),
    "gzip bomb": Fault(compressed_zeros(200), "nonsense", 2),
    "empty reply": Fault(says(""), "nonsense", 2),
    "blank reply": Fault(says(" \n "), "nonsense", 2),
    "nothing but thoughts": Fault(says("<think>Hm. Let me see.</think>"), "nonsense", 2),
    "tokens spent before a word": Fault(says("", "length"), "cut_off", 3),
    # plain
    "null content": Fault(sends(json.dumps(completion(None)).encode()), "nonsense", 2, plain=True),
    "no choices": Fault(sends(json.dumps({**completion("x"), "choices": []}).encode()), "nonsense", 2, plain=True),
    "choices null": Fault(sends(json.dumps({**completion("x"), "choices": None}).encode()), "nonsense", 2, plain=True),
    "content a number": Fault(sends(json.dumps(completion("x")).replace('"x"', "7").encode()), "nonsense", 2, True),
    "wrong content type": Fault(sends(json.dumps(completion("x")).encode(), "image/png"), "nonsense", 2, plain=True),
    "body broken off": Fault(breaks_off(b'{"choices": ['), "unreachable", 3, plain=True),
    "10 MB of text": Fault(sends(json.dumps(completion("x" * 10_000_000)).encode()), "too_large", 1, plain=True),
    # streamed
    "no piece has content": Fault(streams(chunk(), chunk(finish="stop"), b"[DONE]"), "nonsense", 2, plain=False),
    "no event has choices": Fault(streams({"choices": []}, b"[DONE]"), "nonsense", 2, plain=False),
    "an event that is no JSON": Fault(streams(b"{oops"), "nonsense", 2, plain=False),
    "an event that is a list": Fault(streams([1, 2]), "nonsense", 2, plain=False),
    "an error as first event": Fault(
        streams({"error": {"message": "out of memory", "type": "server_error"}}), "overloaded", 3, plain=False
    ),
    "10 MB in one event": Fault(streams(chunk("x" * 10_000_000)), "too_large", 1, plain=False),
    "10 MB in many events": Fault(streams(*[chunk("x" * 1000)] * 10_000), "too_large", 1, plain=False),
    "a line without an end": Fault(streams(b"x" * 9_000_000), "too_large", 1, plain=False),
}
BROKEN: Mapping[str, Fault] = {
    "cut in the middle": Fault(streams(chunk("Hello"), chunk(" wor")), "cut_off", 1),
    "reset in the middle": Fault(streams(chunk("Hello"), then=lambda exchange: exchange.reset()), "cut_off", 1),
    "silence in the middle": Fault(streams(chunk("Hello"), then=lambda exchange: exchange.wait(60)), "timeout", 1),
    "an error in the middle": Fault(streams(chunk("Hello"), {"error": {"message": "boom"}}), "overloaded", 1),
    "no JSON in the middle": Fault(streams(chunk("Hello"), b"{oops"), "nonsense", 1),
    "no end but [DONE]": Fault(streams(chunk("Hello"), b"[DONE]"), "cut_off", 1),
}
"""Faults that come when a piece of prose has been shown already: nothing is tried again."""


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Even at the finest level, no log shows the key."""
    caplog.set_level(logging.DEBUG)
    yield
    assert SECRET not in caplog.text


def chat_at(url: str, *, plain: bool = False) -> Patient:
    asks = OpenAIChat(url, "scripted", api_key=SecretStr(SECRET), timeout_s=DEADLINE_S)
    asks._refused = frozenset({"stream"}) if plain else frozenset()  # as if the server had refused to stream before
    return Patient(asks, timeout_s=DEADLINE_S, clock=Clock(sleep=lambda _: None))


def failure_of(chat: Chat, asked: Request) -> tuple[ChatFailed, list[str]]:
    """The failure, and the pieces that came before it."""

    def asked_once() -> tuple[ChatFailed, list[str]]:
        pieces: list[str] = []
        with pytest.raises(ChatFailed) as caught:
            pieces.extend(piece for piece in chat.stream(asked) if isinstance(piece, str))
        return caught.value, pieces

    failure, pieces = on_time(DEADLINE_S, 1, asked_once, again=0)
    text = "".join(traceback.format_exception(failure))
    assert SECRET not in text
    assert PROMPT not in text
    assert "\n" not in str(failure)
    assert len(str(failure)) < 400
    return failure, pieces


CASES = [
    pytest.param(fault, plain, id=f"{name}, {'plain' if plain else 'streamed'}")
    for name, fault in FAULTS.items()
    for plain in (True, False)
    if fault.plain is None or fault.plain == plain
]


@pytest.mark.parametrize(("fault", "plain"), CASES)
def test_a_fault_is_told_in_time_by_its_kind(fault: Fault, plain: bool) -> None:
    with LLMServer(lambda _: fault.act) as server:
        failure, pieces = failure_of(chat_at(server.url, plain=plain), request())
    assert (failure.kind, failure.calls) == (fault.kind, fault.attempts)
    assert all(piece == "x" * len(piece) for piece in pieces)


@pytest.mark.parametrize("name", BROKEN)
def test_a_reply_that_breaks_after_its_first_piece_is_not_asked_for_again(name: str) -> None:
    with LLMServer(lambda _: BROKEN[name].act) as server:
        failure, pieces = failure_of(chat_at(server.url), request())
    assert pieces[0] == "Hello"
    assert (failure.kind, failure.calls, len(server.received)) == (BROKEN[name].kind, 1, 1)


@pytest.mark.parametrize("name", [name for name, fault in BROKEN.items() if fault.kind != "timeout"])
def test_with_a_form_it_is_asked_for_again_and_no_piece_is_shown_twice(name: str) -> None:
    script = in_turn(BROKEN[name].act, says('{"whole": true}'))
    with LLMServer(script) as server:
        *pieces, reply = chat_at(server.url).stream(request({"type": "object"}))
    assert isinstance(reply, Reply)
    assert "".join(str(piece) for piece in pieces) == reply.text == '{"whole": true}'
    assert reply.calls == len(server.received) == 2


@pytest.mark.parametrize("plain", [True, False])
def test_a_refused_connection(plain: bool) -> None:
    with LLMServer(lambda _: says("x")) as server:
        url = server.url
    failure, _ = failure_of(chat_at(url, plain=plain), request())
    assert (failure.kind, failure.calls) == ("unreachable", 3)
    assert url in failure.why


def test_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise OSError("name or service not known")

    monkeypatch.setattr("socket.create_connection", unknown)
    failure, _ = failure_of(chat_at("http://nowhere.invalid/v1"), request())
    assert failure.kind == "unreachable"


def test_looking_up_a_name_keeps_to_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def slow(*_: object, **__: object) -> None:
        released.wait(30)
        raise OSError("too late")

    monkeypatch.setattr("socket.create_connection", slow)
    failure, _ = failure_of(chat_at("http://slow.invalid/v1"), request())
    released.set()
    assert failure.kind == "timeout"


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (
            fails(400, "this model's maximum\ncontext length is 8 tokens"),
            "HTTP 400: this model's maximum context length is",
        ),
        (
            fails(404, "no model `m`"),
            "HTTP 404: no model `m`; see whether http://.* has this model (WHICHPAPERS_MODEL)",
        ),
        (fails(401, "no"), "HTTP 401: http://.* does not accept the key in OPENAI_API_KEY"),
        (fails(429, "slow down", code="rate_limit"), "HTTP 429: slow down"),
        (sends(b"<html>Bad gateway", "text/html", 502), "HTTP 502: "),
        (sends(b'{"detail": [{"loc": ["body", "messages"]}]}', status=422), "HTTP 422: Error code: 422 - .*messages"),
        (fails(400, ECHO), "HTTP 400: (the server echoes the request)"),
        (fails(500, f"key {SECRET} and Bearer abc, sk-other"), "HTTP 500: key *** and *** ***"),
    ],
)
def test_the_reason_is_in_the_servers_words(act: Act, why: str) -> None:
    with LLMServer(lambda _: act) as server:
        failure, _ = failure_of(chat_at(server.url), request())
    pattern = re.escape(why).replace(r"\.\*", ".*")
    assert re.match(pattern, failure.why), failure.why


def test_a_redirect_is_never_followed() -> None:
    with LLMServer(lambda _: says("stolen")) as thief:
        away = sends(b"", status=307, Location=f"{thief.url}/chat/completions")
        with LLMServer(lambda _: away) as server:
            failure, _ = failure_of(chat_at(server.url), request())
    assert failure.kind == "refused"
    assert thief.received == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with LLMServer(lambda _: says("Hello.")) as server:
        assert whole(chat_at(server.url), request()).text == "Hello."


def test_a_server_that_recovers_is_asked_again() -> None:
    for ill in (fails(429), fails(503), sends(b"<html>", "text/html"), lambda exchange: exchange.reset()):
        with LLMServer(in_turn(ill, says("Hello."))) as server:
            reply = whole(chat_at(server.url), request())
        assert (reply.text, reply.calls) == ("Hello.", 2)


@pytest.mark.slow
def test_soak(record_property: Callable[[str, object], None]) -> None:
    """Hundreds of calls from several threads, three in ten ill: each ends in the right text or a failure, in time."""
    seeded = random.Random(5)  # noqa: S311
    acts = [fault.act for fault in [*FAULTS.values(), *BROKEN.values()] if fault.kind not in ("timeout", "too_large")]
    ill = iter([seeded.choice(acts) if seeded.random() < 0.3 else None for _ in range(5 * SOAKED)])
    lock = threading.Lock()

    def act() -> Act:
        with lock:
            return next(ill) or says("Forty-two is the answer.")

    def call(number: int) -> str:
        began = time.monotonic()
        form = {"type": "object"} if number % 2 else None
        try:
            reply = whole(chat, request(form))
            assert reply.text == ("Forty-two is the answer." if reply.complete else "")
            assert reply.prompt_tokens == USAGE["prompt_tokens"]
            outcome = "replied" if reply.complete else "incomplete"
        except ChatFailed as failure:
            assert SECRET not in str(failure)
            outcome = failure.kind
        assert time.monotonic() - began <= 3 * DEADLINE_S + 1  # waiting for its turn included
        return outcome

    with LLMServer(lambda _: act()) as server:
        chat = chat_at(server.url)
        with ThreadPoolExecutor(8) as workers:
            outcomes = list(workers.map(call, range(SOAKED)))
    record_property("cases", SOAKED)
    assert len(outcomes) == SOAKED
    assert outcomes.count("replied") > 0.7 * SOAKED
    assert set(outcomes) > {"replied", "refused"}
