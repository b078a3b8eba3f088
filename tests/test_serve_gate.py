"""Who is let in, how much is read, how many wait, and what becomes of requests that nobody waits for."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from assistant.serve import gate, line
from assistant.serve.errors import Full, Late
from assistant.serve.gate import MAX_BODY_BYTES
from assistant.serve.line import Line
from tests.serving import Held, serving, six
from tests.test_by_llm import QUESTION

KEY = "a-key-for-this-test-only"
ASK = {"question": QUESTION}


@pytest.fixture(scope="module")
def address(six_papers: Path) -> Iterator[str]:
    with six(six_papers) as assistant, serving(assistant) as address:
        yield address


@pytest.fixture(scope="module")
def locked(six_papers: Path) -> Iterator[httpx.Client]:
    with (
        six(six_papers) as assistant,
        serving(assistant, KEY) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


@pytest.fixture
def held(six_papers: Path) -> Iterator[Held]:
    """An assistant that begins to answer, and goes on only once it is let."""
    with six(six_papers, Held) as assistant:
        assert isinstance(assistant, Held)
        assistant.began, assistant.ended = threading.Semaphore(0), threading.Semaphore(0)
        assistant.go = threading.Event()
        yield assistant
        assistant.go.set()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {KEY}", 200),
        (f"bearer {KEY}", 200),
        ("", 401),
        (KEY, 401),
        (f"Basic {KEY}", 401),
        (f"Bearer {KEY}x", 401),
        (f"Bearer {KEY[:-1]}", 401),
        ("Bearer", 401),
        ("Bearer \xff", 401),
    ],
)
def test_without_the_key_nothing_is_told(locked: httpx.Client, given: str, status: int) -> None:
    headers = [(b"authorization", given.encode("latin-1"))] if given else []
    for path in ("/health", "/", "/openapi.json", "/papers/x", "/nowhere", "/v1/models"):
        response = locked.get(path, headers=headers)
        assert (response.status_code == 401) == (status == 401)
        if status == 401:
            assert response.headers["www-authenticate"] == "Bearer"
            told = response.json()["error"]
            assert (told["message"] if path.startswith("/v1/") else told).startswith("send the key of this server")
    asked = locked.post("/ask", json=ASK, headers=headers)
    assert asked.status_code == status


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "10.0.0.1"]
)
def test_a_name_that_leads_here_from_elsewhere_is_not_served(address: str, host: str) -> None:
    response = httpx.get(f"{address}/health", headers={"host": host}, timeout=60)
    assert response.status_code in (400, 421)  # 400 by HTTP's own rules where the name is empty
    assert "papers" not in response.text


def test_every_response_forbids_the_browser_what_it_need_not_do(address: str) -> None:
    responses = (
        httpx.get(address, timeout=60),
        httpx.get(f"{address}/nowhere", timeout=60),
        httpx.post(f"{address}/ask", json={}, timeout=60),
        httpx.post(f"{address}/ask/stream", json=ASK, timeout=60),
        httpx.get(f"{address}/health", headers={"host": "evil.example"}, timeout=60),
    )
    for response in responses:
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in response.headers
        assert "server" not in response.headers


def test_a_web_page_elsewhere_is_not_allowed_to_ask(address: str) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    response = httpx.options(f"{address}/ask", headers=asked)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_large_body_is_refused_whether_it_says_so_or_not(address: str) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 65_536 + 1):
            yield b" " * 65_536

    for body in (b" " * (MAX_BODY_BYTES + 1), pieces()):
        response = httpx.post(f"{address}/ask", content=body, headers={"content-type": "application/json"}, timeout=60)
        assert response.status_code == 413
        assert response.json()["error"] == f"the request has more than {MAX_BODY_BYTES:,} bytes"
    assert httpx.post(f"{address}/verify", json={"x": " " * MAX_BODY_BYTES}, timeout=60).status_code == 422


def test_a_body_that_does_not_come_is_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "BODY_S", 0.2)
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"POST /ask HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\n{{".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 408 ")


def test_who_finds_no_place_to_wait_is_told_when_to_come_again(held: Held) -> None:
    with serving(held, at_once=1, waiting=0) as address, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx.post, f"{address}/ask", json=ASK, timeout=60)
        assert held.began.acquire(timeout=30)
        full = httpx.post(f"{address}/search", json={"query": "x"}, timeout=60)
        assert (full.status_code, full.headers["retry-after"], full.json()) == (503, "5", {"error": str(Full(1))})
        chat = {"model": "whichpapers", "messages": [{"role": "user", "content": "x"}]}
        full = httpx.post(f"{address}/v1/chat/completions", json=chat, timeout=60)
        assert (full.status_code, full.json()["error"]["message"]) == (503, str(Full(1)))
        assert httpx.get(f"{address}/health", timeout=60).status_code == 200
        held.go.set()
        assert asked.result(60).status_code == 200
        assert httpx.post(f"{address}/ask", json=ASK, timeout=60).status_code == 200


def test_so_many_may_wait_and_no_more() -> None:
    go = threading.Event()

    async def outcomes() -> list[object]:
        asked = [asyncio.ensure_future(waiting.last(lambda: iter([go.wait(30)]))) for _ in range(4)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    with closing(Line(1, 2, 60)) as waiting:
        *served, refused = asyncio.run(outcomes())
    assert served == [True] * 3
    assert isinstance(refused, Full)


def test_an_answer_that_takes_too_long_is_given_up(held: Held) -> None:
    with serving(held, at_once=1, waiting=0, seconds=0.3) as address:
        late = httpx.post(f"{address}/ask", json=ASK, timeout=60)
        assert (late.status_code, late.json()) == (504, {"error": str(Late(0.3))})
        streamed = httpx.post(f"{address}/ask/stream", json=ASK, timeout=60)
        assert streamed.status_code == 200
        assert streamed.text.strip().endswith(f'event: error\ndata: {{"error": "{Late(0.3)}"}}')
        assert held.ended.acquire(timeout=30)
        assert held.ended.acquire(timeout=30)


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/v1/chat/completions"])
def test_an_answer_that_nobody_waits_for_any_more_ends_and_makes_room(held: Held, path: str) -> None:
    body = ASK if path.startswith("/ask") else {
        "model": "whichpapers", "stream": True, "messages": [{"role": "user", "content": QUESTION}],
    }  # fmt: skip
    with serving(held, at_once=1, waiting=0) as address:
        with suppress(httpx.ReadTimeout), httpx.stream("POST", address + path, json=body, timeout=0.5) as response:
            next(response.iter_raw())
        assert held.ended.acquire(timeout=30)
        held.go.set()
        until = time.monotonic() + 30
        while httpx.post(f"{address}/ask", json=ASK, timeout=60).status_code != 200:
            assert time.monotonic() < until


def test_a_silent_answer_gives_signs_of_life(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "BEAT_S", 0.001)
    with serving(held) as address:
        threading.Timer(0.5, held.go.set).start()
        assert ": waiting\n\n" in httpx.post(f"{address}/ask/stream", json=ASK, timeout=60).text
        assert httpx.post(f"{address}/ask", json=ASK, timeout=60).status_code == 200


def test_results_come_in_order_and_what_goes_wrong_after_them_is_raised() -> None:
    def work() -> Iterator[int]:
        yield from range(100)
        raise ValueError("so")

    async def collected() -> list[int | None]:
        found = []
        with pytest.raises(ValueError, match="so"):
            async for result in waiting.each(work):
                found.append(result)
        return found

    with closing(Line(1, 0, 60)) as waiting:
        assert asyncio.run(collected()) == list(range(100))
        assert asyncio.run(collected()) == list(range(100))  # its place is free again
