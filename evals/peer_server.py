"""Chat completions -> log: a scripted model behind HTTP on loopback, the same for every system, its calls counted.

    with ModelServer(Reader(), encoder) as server:
        ...  # whatever is asked of server.url
    server.calls

It speaks OpenAI's chat completions, whole and streamed, and embeddings. Tokens are counted here, the same way for all,
whatever a system says of itself.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from assistant.llm.records import Message
from assistant.llm.tokens import count, count_messages
from evals.loopback import Loopback
from evals.peer_reader import Reader, UnknownPrompt
from evals.peer_systems import MODEL
from ingest.encode import Vectors

TOKEN_CHARS = 4
"""Characters of a piece of a stream: about a token of English."""

Usage = dict[str, int]
"""As OpenAI's protocol tells it."""


class Encodes(Protocol):
    """What makes vectors of texts."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A row for each of `texts`."""


@dataclass(frozen=True, slots=True)
class Call:
    """A chat that was completed."""

    form: str
    came: float
    """When its request was there: `time.monotonic()`, which all processes of a machine share."""
    ended: float
    prompt_tokens: int
    completion_tokens: int


@dataclass
class ModelServer(Loopback):
    """Serves while it is entered."""

    reader: Reader
    encoder: Encodes
    token_s: float = 0.0
    """Seconds that each token of a reply takes, streamed or not."""
    calls: list[Call] = field(default_factory=list)
    """In the order in which they ended."""
    _encoding: threading.Lock = field(default_factory=threading.Lock)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """See `Loopback.handler`."""
        return type("Handler", (_Handler,), {"model": self})

    def embeddings(self, body: dict[str, Any]) -> dict[str, Any]:
        """The reply to a request for vectors."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        with self._encoding:
            rows = self.encoder.encode(texts).tolist()
        data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
        return {"object": "list", "model": MODEL, "data": data, "usage": {"prompt_tokens": 0, "total_tokens": 0}}

    def pieces(self, text: str) -> Iterator[str]:
        """The pieces of a reply, each when it is due."""
        for start in range(0, len(text), TOKEN_CHARS):
            if self.token_s:
                time.sleep(self.token_s)
            yield text[start : start + TOKEN_CHARS]

    def completed(self, form: str, came: float, messages: Sequence[Message], text: str) -> Usage:
        """Logs a call that ends now, and gives its usage."""
        call = Call(form, came, time.monotonic(), count_messages(messages), count(text))
        self.calls.append(call)
        both = call.prompt_tokens + call.completion_tokens
        return {"prompt_tokens": call.prompt_tokens, "completion_tokens": call.completion_tokens, "total_tokens": both}


def most_at_once(calls: Sequence[Call]) -> int:
    """How many of `calls` were under way at the same time, at most."""
    steps = sorted([(call.came, 1) for call in calls] + [(call.ended, -1) for call in calls])
    under_way = [sum(step for _, step in steps[: end + 1]) for end in range(len(steps))]
    return max(under_way, default=0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: ModelServer

    def log_message(self, *_: object) -> None:
        """Nothing: the server keeps its own log."""

    def do_POST(self) -> None:
        """Answers a request."""
        came = time.monotonic()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            self._json(self.model.embeddings(body))
            return
        messages = [Message(said["role"], said["content"]) for said in body["messages"]]
        try:
            form, text = self.model.reader.reply("\n".join(message.content for message in messages))
        except UnknownPrompt as error:
            self._json({"error": {"message": str(error), "type": "invalid_request_error"}}, 400)
            return
        ends = partial(self.model.completed, form, came, messages, text)
        answer = self._streamed if body.get("stream") else self._whole
        answer(self.model.pieces(text), ends)

    def _whole(self, pieces: Iterator[str], ends: Callable[[], Usage]) -> None:
        said = {"role": "assistant", "content": "".join(pieces)}
        choice = {"index": 0, "message": said, "finish_reason": "stop"}
        self._json({**_OPENING, "object": "chat.completion", "choices": [choice], "usage": ends()})

    def _streamed(self, pieces: Iterator[str], ends: Callable[[], Usage]) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in pieces:
            self._event({"delta": {"content": piece}, "finish_reason": None})
        self._event({"delta": {}, "finish_reason": "stop"}, ends())
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, choice: dict[str, Any], usage: Usage | None = None) -> None:
        told = {**_OPENING, "object": "chat.completion.chunk", "choices": [{"index": 0, **choice}], "usage": usage}
        self.wfile.write(b"data: " + json.dumps(told).encode() + b"\n\n")
        self.wfile.flush()

    def _json(self, value: object, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


_OPENING = {"id": "scripted", "created": 0, "model": MODEL}
