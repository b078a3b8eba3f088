"""A scripted server that speaks OpenAI's chat completions, on loopback: real HTTP for the real client, faults included.

    with LLMServer(lambda received: says("Hello.")) as server:
        OpenAIChat(server.url, "scripted")

A script looks at what was received and returns what is done about it; `in_turn` plays several, the last for ever.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

from evals.loopback import Loopback

MODEL = "scripted"
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All messages, joined."""
        return "\n".join(message["content"] for message in self.body.get("messages", []))

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))


@dataclass
class Exchange:
    """One request and the means to answer it, well or badly."""

    received: Received
    handler: BaseHTTPRequestHandler
    closing: threading.Event

    def head(self, status: int, kind: str, length: int | None = None, **headers: str) -> None:
        """Sends status and headers; without a length the body ends with the connection."""
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.handler.send_header("Content-Length", str(length))
        self.handler.send_header("Connection", "close")
        self.handler.end_headers()

    def send(self, data: bytes) -> None:
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def body(self, status: int, data: bytes, kind: str = "application/json", **headers: str) -> None:
        self.head(status, kind, len(data), **headers)
        self.send(data)

    def json(self, value: object, status: int = 200, **headers: str) -> None:
        self.body(status, json.dumps(value).encode(), **headers)

    def event(self, value: object) -> None:
        self.send(b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n")

    def wait(self, seconds: float) -> None:
        """Sleeps, but not longer than the server lives."""
        self.closing.wait(seconds)

    def reset(self) -> None:
        """Ends the connection the hard way."""
        connection = self.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


Act = Callable[[Exchange], None]
"""What is done about one request."""
Script = Callable[[Received], Act]


@dataclass
class LLMServer(Loopback):
    """Serves a script; `received` holds every request to complete a chat, in order."""

    script: Script
    models: tuple[str, ...] = (MODEL,)
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        super().__exit__(kind, value, trace)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                exchange = Exchange(Received(self.path, dict(self.headers), {}), self, server._closing)
                exchange.json({"object": "list", "data": [{"id": name, "object": "model"} for name in server.models]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                received = Received(self.path, dict(self.headers), body)
                server.received.append(received)
                with suppress(OSError):  # the client is gone
                    server.script(received)(Exchange(received, self, server._closing))
                self.close_connection = True

        return Handler


def in_turn(*acts: Act) -> Script:
    """The first request meets the first act, the next one the next; the last act serves all that come after."""
    left = list(acts)
    lock = threading.Lock()

    def script(_: Received) -> Act:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script


# --- what a server does when it is well ------------------------------------------------------------------------------


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """An event of a stream."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice], **more}


def completion(text: str | None, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A whole completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    whole = {"id": "c", "object": "chat.completion", "created": 0, "model": MODEL}
    return {**whole, "choices": [choice], "usage": USAGE, **more}


def pieces_of(text: str, size: int = 5) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def says(text: str, finish: str = "stop", *, usage: object = USAGE) -> Act:
    """Answers `text`, streamed where that is asked for; after a long request with a usage that could be true."""

    def act(exchange: Exchange) -> None:
        chars = len(exchange.received.text)
        long = usage is USAGE and chars > 1_000
        told = {"prompt_tokens": chars // 3, "completion_tokens": len(text) // 3} if long else usage
        if not exchange.received.streams:
            exchange.json(completion(text, finish, usage=told))
            return
        exchange.head(200, "text/event-stream")
        for piece in pieces_of(text):
            exchange.event(chunk(piece))
        exchange.event(chunk(finish=finish))
        if exchange.received.body.get("stream_options", {}).get("include_usage"):
            exchange.event({**chunk(), "choices": [], "usage": told})
        exchange.event(b"[DONE]")

    return act


@dataclass
class Paced(Exchange):
    """An exchange that takes its time before each event of a stream."""

    pause_s: float = 0.0

    def event(self, value: object) -> None:
        self.wait(self.pause_s)
        super().event(value)


def paced(script: Script, pause_s: float) -> Script:
    """A script whose streams bring a piece, about a token, every `pause_s`."""

    def slower(received: Received) -> Act:
        act = script(received)
        return lambda exchange: act(Paced(exchange.received, exchange.handler, exchange.closing, pause_s))

    return slower


# --- and when it is not ----------------------------------------------------------------------------------------------


def fails(status: int, message: str = "no", **more: Any) -> Act:
    """An error as such servers put it; `headers` among `more` are sent as headers."""
    headers = more.pop("headers", {})
    return lambda exchange: exchange.json({"error": {"message": message, **more}}, status, **headers)


def sends(data: bytes, kind: str = "application/json", status: int = 200, **headers: str) -> Act:
    """These bytes."""
    return lambda exchange: exchange.body(status, data, kind, **headers)


def compressed_zeros(megabytes: int) -> Act:
    """A few bytes that unfold to many."""
    data = gzip.compress(bytes(megabytes * 1_000_000))
    return lambda exchange: exchange.body(200, data, Content_Encoding="gzip")


def hangs(seconds: float = 60) -> Act:
    """Says nothing at all."""
    return lambda exchange: exchange.wait(seconds)


def drips(every_s: float = 0.05) -> Act:
    """Sends a byte now and then, for ever: no wait is long."""

    def act(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream" if exchange.received.streams else "application/json")
        while not exchange.closing.is_set():
            exchange.send(b" ")
            exchange.wait(every_s)

    return act


def drips_headers(every_s: float = 0.05) -> Act:
    """The same, before the response has begun."""

    def act(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not exchange.closing.is_set():
            exchange.send(b"x")
            exchange.wait(every_s)

    return act


def streams(*events: object, then: Callable[[Exchange], None] | None = None) -> Act:
    """These events, whatever was asked for; then the connection ends, by `then` or as usual."""

    def act(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        for event in events:
            exchange.event(event)
        if then is not None:
            then(exchange)

    return act


def breaks_off(data: bytes, length: int = 10_000, kind: str = "application/json") -> Act:
    """Promises more bytes than it sends."""

    def act(exchange: Exchange) -> None:
        exchange.head(200, kind, length)
        exchange.send(data)
        exchange.reset()

    return act
