"""Chat -> question, Answer -> completion: a library as a model of OpenAI's chat completions."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any, Literal

from assistant.errors import BadOption
from assistant.records import Answer, Event, Stage, Usage
from assistant.render import markdown
from assistant.serve import events
from assistant.serve.errors import NoSuchModel
from assistant.serve.forms import HISTORY, Asked, Completing, Said

MODELS: dict[str, dict[str, Any]] = {
    "whichpapers": {},
    "whichpapers-quick": {"depth": "quick"},
    "whichpapers-offline": {"mode": "offline"},
}
"""What each asks for, where a request does not say otherwise."""
DONE = b"data: [DONE]\n\n"
_CHORE = "<chat_history>"
"""In a prompt by which a chat program has its chat titled, tagged or gone on with: no question about papers."""


def models() -> dict[str, object]:
    """The list of models."""
    return {"object": "list", "data": [model(name) for name in MODELS]}


def model(name: str) -> dict[str, object]:
    """One model.

    Raises:
        NoSuchModel: It is not served.
    """
    if name not in MODELS:
        raise NoSuchModel(name, tuple(MODELS))
    return {"id": name, "object": "model", "created": 0, "owned_by": "whichpapers"}


def question(form: Completing) -> Asked | None:
    """What a chat asks; None where it asks for something that is no question about papers.

    Raises:
        NoSuchModel: See `model`.
        BadOption: The last message is not the user's.
    """
    model(form.model)
    *before, last = form.messages
    if last.role != "user":
        raise BadOption("messages", last.role, "a last message of role 'user'")
    if _CHORE in last.text:
        return None
    history = [
        Said(role=message.role, content=message.text)
        for message in before
        if message.role in ("user", "assistant") and message.text
    ]
    given = {name: value for name in ("mode", "depth") if (value := getattr(form, name))}
    return Asked(
        question=last.text,
        history=history[-HISTORY:],
        where=form.where,
        accept_price=form.accept_price,
        **MODELS[form.model] | given,
    )


@dataclass(frozen=True, slots=True)
class Completion:
    """What all pieces of a completion have in common."""

    model: str
    id: str
    created: int
    """Seconds since 1970."""

    @classmethod
    def begin(cls, model: str) -> Completion:
        """A completion by `model`, now."""
        return cls(model, f"chatcmpl-{uuid.uuid4().hex}", int(time.time()))

    def whole(self, answer: Answer | None) -> dict[str, object]:
        """The completion that tells `answer`; None for an empty one."""
        message = {"role": "assistant", "content": markdown(answer) if answer else "", "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return self._form("chat.completion", [choice], usage=_usage(answer), whichpapers=_dict(answer))

    def told(self, event: Event, *, usage: bool) -> bytes:
        """An event, as chunks. Stages are told as reasoning; text only once it is proved.

        Args:
            event: Comes in the order in which `Assistant.stream` yields.
            usage: Whether the client wants to be told what was used.
        """
        if isinstance(event, Answer):
            return self.end(event, usage=usage)
        if isinstance(event, Stage):
            return self._chunk({"role": "assistant", "reasoning_content": f"{event.name}: {event.detail}\n"})
        return b""

    def end(self, answer: Answer | None, *, usage: bool) -> bytes:
        """The chunks that tell `answer`; None for an empty one."""
        chunks = self._chunk({"role": "assistant", "content": markdown(answer) if answer else ""})
        chunks += self._chunk({}, "stop", whichpapers=_dict(answer))
        if usage:
            chunks += events.sent(self._form("chat.completion.chunk", [], usage=_usage(answer)))
        return chunks

    def _chunk(self, delta: object, finish_reason: Literal["stop"] | None = None, **more: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return events.sent(self._form("chat.completion.chunk", [choice], **more))

    def _form(self, kind: str, choices: list[dict[str, Any]], **more: object) -> dict[str, object]:
        named = {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}
        return named | more


def _usage(answer: Answer | None) -> dict[str, int]:
    used = answer.usage if answer else Usage()
    read, written = used.prompt_tokens, used.completion_tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _dict(answer: Answer | None) -> dict[str, Any] | None:
    return answer.to_dict() if answer else None
