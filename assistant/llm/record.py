"""Chat -> Chat that keeps what was answered, under everything that determines it: asked again, it costs nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from assistant.errors import AssistantError
from assistant.llm.json_text import canonical
from assistant.llm.records import SAMPLING, Chat, ChatFailed, Reply, Request

Use = Literal["record", "reuse", "replay"]
"""`record` always asks and keeps the reply, `reuse` takes what was kept before it asks, `replay` never asks."""

_VERSION = 1


class Kept(Protocol):
    """Where replies are kept. `ingest.replies.Replies` is one, `KeptLines` another."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was kept under `key`, or None."""

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keeps `value` under `key`."""


class RecordUnreadable(AssistantError):
    """A recorded set of replies does not have its form."""

    def __init__(self, line: int, why: str) -> None:
        self.line, self.why = line, why
        super().__init__(f"line {line} of the recorded replies cannot be read: {why}; record them anew")


class Recorded:
    """A language model with a memory of its whole replies. Failures and incomplete replies are never kept."""

    def __init__(self, chat: Chat | Speaker, kept: Kept, use: Use, *, endpoint: str = "") -> None:
        """Wraps `chat`, which under `replay` is not asked for anything but its name.

        Args:
            chat: Asks the model.
            kept: Where replies are.
            use: See `Use`.
            endpoint: Where the model is; one model may answer otherwise elsewhere.
        """
        self._chat, self._kept, self._use, self.endpoint = chat, kept, use, endpoint

    @property
    def model(self) -> str:
        """See `Chat.model`."""
        return self._chat.model

    def reusing(self) -> Recorded:
        """The same, taking what was kept before it asks, where it always asked."""
        return Recorded(self._chat, self._kept, "reuse" if self._use == "record" else self._use, endpoint=self.endpoint)

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`; what was kept comes in one piece.

        Raises:
            ChatFailed: See there; `not_recorded` under `replay`, where nothing was kept.
        """
        key = key_of(self.endpoint, self.model, request)
        kept = self._found(key) if self._use != "record" else None
        if kept is not None:
            yield kept.text
            yield kept
        elif self._use == "replay" or isinstance(self._chat, Speaker):
            raise ChatFailed("not_recorded", f"no reply to this {request.stage!r} request is in the record", calls=0)
        else:
            for piece in self._chat.stream(request):
                if isinstance(piece, Reply) and piece.complete:
                    about = {"endpoint": self.endpoint, "model": self.model, "stage": request.stage}
                    self._kept.put(key, {**about, "reply": asdict(piece)})
                yield piece

    def _found(self, key: str) -> Reply | None:
        value = self._kept.get(key)
        try:
            reply = _REPLY.validate_python(value["reply"]) if value is not None else None
        except (ValidationError, KeyError):
            return None
        return replace(reply, calls=0) if reply is not None and self._use == "reuse" else reply


@dataclass(frozen=True, slots=True)
class Speaker:
    """The name of a model that is not there to be asked."""

    model: str


_REPLY = TypeAdapter(Reply)


@dataclass(frozen=True, slots=True)
class KeptLines:
    """Replies in memory, and as JSON lines: for tests and bundles. They hold no request."""

    values: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def get(self, key: str) -> Mapping[str, Any] | None:
        """See `Kept.get`."""
        return self.values.get(key)

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """See `Kept.put`."""
        self.values[key] = value

    def lines(self) -> tuple[str, ...]:
        """One JSON object a reply, in order of key."""
        return tuple(canonical({"key": key, **value}) for key, value in sorted(self.values.items()))

    @classmethod
    def read(cls, lines: Iterable[str]) -> KeptLines:
        """What `lines` gave.

        Raises:
            RecordUnreadable: A line has another form.
        """
        kept = cls()
        for number, line in enumerate(lines, start=1):
            try:
                value = json.loads(line)
                key = value.pop("key")
                _REPLY.validate_python(value["reply"])
                value["endpoint"], value["model"]
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise RecordUnreadable(number, type(error).__name__) from error
            kept.put(key, value)
        return kept


def replaying(kept: KeptLines) -> Recorded:
    """A model that gives only these replies, whatever is configured here.

    Raises:
        RecordUnreadable: They are not those of one model.
    """
    speakers = sorted({(value["endpoint"], value["model"]) for value in kept.values.values()})
    if len(speakers) != 1:
        raise RecordUnreadable(1, f"expected the replies of one model, found {len(speakers)}")
    endpoint, model = speakers[0]
    return Recorded(Speaker(model), kept, "replay", endpoint=endpoint)


def key_of(endpoint: str, model: str, request: Request) -> str:
    """SHA-256 of everything that determines a reply."""
    determines = {
        "version": _VERSION,
        "endpoint": endpoint,
        "model": model,
        "messages": [[message.role, message.content] for message in request.messages],
        "form": request.form,
        "max_tokens": request.max_tokens,
        "sampling": SAMPLING,
    }
    return hashlib.sha256(canonical(determines).encode("utf-8", "surrogatepass")).hexdigest()
