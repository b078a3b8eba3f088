"""The guard before the page: names, sizes, headers, logins."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from assistant import Stage
from assistant.show.door import MAX_FAILED_LOGINS, Door
from assistant.show.guard import LOOPBACK, MAX_BODY_BYTES, Guard, Message, Receive, Send
from assistant.show.pace import BEAT_S, paced


async def echo(_scope: Message, receive: Receive, send: Send) -> None:
    """Reads the whole body, and says how it ended."""
    kind, more = "", True
    while more:
        message = await receive()
        kind, more = message["type"], message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
    await send({"type": "http.response.body", "body": kind.encode()})


def call(
    path: str = "/", host: str = "127.0.0.1:7860", length: int | None = None, chunks: int = 1, **more: str
) -> Any:  # fmt: skip
    """(status, headers, body) of a request through the guard; `more` are `method`, and headers."""
    sent: list[Message] = []
    left = [chunks]

    async def receive() -> Message:
        left[0] -= 1
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": left[0] > 0}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", host.encode())] + ([(b"content-length", str(length).encode())] if length is not None else [])
    method = more.pop("method", "GET")
    headers += [(name.replace("_", "-").encode(), value.encode()) for name, value in more.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(Guard(echo, LOOPBACK)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_every_response_forbids_what_a_page_must_not_do() -> None:
    for status, headers, _ in (call(), call(host="evil.example"), call(length=10**9)):
        assert status in (200, 413, 421)
        assert b"img-src 'self' data: blob:" in headers[b"content-security-policy"]
        assert headers[b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:7860", "LOCALHOST", "[::1]:7860"])
def test_the_machines_own_names_are_served(host: str) -> None:
    assert call(host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil:80", "[evil]"])
def test_other_names_are_not(host: str) -> None:
    assert call(host=host)[0] == 421


@pytest.mark.parametrize(
    ("method", "site", "mode", "status"),
    [
        ("POST", "cross-site", "cors", 403),
        ("POST", "cross-site", "navigate", 403),  # a form
        ("GET", "cross-site", "no-cors", 403),
        ("GET", "cross-site", "navigate", 200),  # a link
        ("POST", "same-origin", "cors", 200),
        ("GET", "none", "navigate", 200),
    ],
)
def test_a_page_elsewhere_may_lead_here_and_no_more(method: str, site: str, mode: str, status: int) -> None:
    assert call(method=method, sec_fetch_site=site, sec_fetch_mode=mode)[0] == status
    assert call("/gradio_api/upload", method=method, sec_fetch_site=site, sec_fetch_mode=mode)[0] == status


def test_large_bodies_are_refused_whether_they_say_so_or_not() -> None:
    assert call(length=MAX_BODY_BYTES + 1)[0] == 413
    assert call(length=MAX_BODY_BYTES)[2] == b"http.request"
    assert call(chunks=10)[2] == b"http.disconnect"
    assert call("/gradio_api/upload", length=10**7, chunks=10)[2] == b"http.request"


def test_whoever_guesses_a_password_is_slowed_down() -> None:
    now = [0.0]
    door = Door("reader", "right", clock=lambda: now[0])
    assert door("reader", "right")
    assert not door("other", "right")
    assert not any(door("reader", f"wrong {n}") for n in range(MAX_FAILED_LOGINS))
    assert not door("reader", "right")
    now[0] = 61.0
    assert door("reader", "right")
    assert not door("rèader", "rîght")


def test_events_come_as_they_are_and_waiting_is_told() -> None:
    def events() -> Iterator[Stage]:
        yield Stage("understand", "")
        time.sleep(BEAT_S * 2.5)
        yield Stage("judge", "")

    seen = list(paced(events(), threading.Event()))
    assert [event.name for event in seen if isinstance(event, Stage)] == ["understand", "judge"]
    assert None in seen


def test_waiting_ends_when_it_is_stopped_and_nothing_more_is_taken() -> None:
    stopped, taken = threading.Event(), []

    def events() -> Iterator[Stage]:
        for n in range(1000):
            taken.append(n)
            time.sleep(0.01)
            yield Stage("judge", "")

    for _ in paced(events(), stopped):
        stopped.set()
    before = len(taken)
    time.sleep(0.1)
    assert len(taken) <= before + 2


def test_what_goes_wrong_in_the_thread_is_raised() -> None:
    def events() -> Iterator[Stage]:
        yield Stage("judge", "")
        raise ValueError("so")

    with pytest.raises(ValueError, match="so"):
        list(paced(events(), threading.Event()))
