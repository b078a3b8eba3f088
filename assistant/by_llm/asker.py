"""Prompt -> Reply: renders a prompt, asks the model, and keeps count of what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from pydantic import BaseModel

from assistant.llm.meter import Meter
from assistant.llm.records import Chat, ChatFailed, Message, Request
from assistant.llm.structured import structured
from prompts import render, sha256

Form = TypeVar("Form", bound=BaseModel)


@dataclass(slots=True)
class Asker:
    """Asks one model for one answer. May be used from several threads at once."""

    chat: Chat
    meter: Meter
    prompts: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each prompt used, by name."""
    _lock: Lock = field(default_factory=Lock)

    def form(self, prompt: str, form: type[Form], max_tokens: int, **fields: object) -> Form:
        """The reply to a prompt as a `form`.

        Raises:
            ChatFailed: There is none.
        """
        with self._counted():
            found = structured(self.chat, self._request(prompt, max_tokens, fields), form)
        for reply in found.replies:
            self.meter.add(reply)
        return found.value

    def lines(self, prompt: str, max_tokens: int, **fields: object) -> Iterator[str]:
        """The reply to a prompt, a line at a time, as it comes, without white space around; empty lines too.

        Raises:
            ChatFailed: It broke off, or ran out of room. Lines may have been yielded before.
        """
        begun: list[str] = []  # a line without an end, joined once: a server may send a megabyte of it in small pieces
        with self._counted():
            for piece in self.chat.stream(self._request(prompt, max_tokens, fields)):
                if isinstance(piece, str):
                    whole = piece.encode(errors="replace").decode()  # half a character can be neither kept nor sought
                    end, *others = whole.split("\n")
                    begun.append(end)
                    for line in others:
                        yield "".join(begun).strip()
                        begun = [line]
                    continue
                self.meter.add(piece)
                if not piece.complete:
                    raise ChatFailed("cut_off", f"its answer is longer than {max_tokens:,} tokens", calls=0)
        yield "".join(begun).strip()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Counts what a failure has cost."""
        try:
            yield
        except ChatFailed as failure:
            self.meter.add_failed(failure.calls)
            for reply in failure.replies:
                self.meter.add(reply)
            raise

    def _request(self, prompt: str, max_tokens: int, fields: dict[str, object]) -> Request:
        with self._lock:
            self.prompts |= {name: sha256(name) for name in ("rules", prompt)}
        messages = (Message("system", render("rules")), Message("user", render(prompt, **fields)))
        return Request(prompt, messages, max_tokens)
