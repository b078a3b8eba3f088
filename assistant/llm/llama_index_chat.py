"""LlamaIndex LLM -> Chat: any language model that LlamaIndex has a class for.

Assistant.open(library, chat=Patient(LlamaIndexChat(Ollama(model="..."))))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM

from assistant.llm.forms import with_form
from assistant.llm.legible import Legible
from assistant.llm.records import INCOMPLETE, ChatFailed, FailureKind, Reply, Request, told_tokens
from assistant.llm.tokens import count, count_messages
from assistant.llm.wire import Deadline


class LlamaIndexChat:
    """A model behind LlamaIndex's interface. How it chooses words is set where the LLM is made."""

    def __init__(self, llm: LLM, *, timeout_s: float = 60) -> None:
        """Wraps `llm`, which should not try again by itself: `Patient` does.

        Args:
            llm: With the limit of tokens and the temperature that are wanted.
            timeout_s: Most seconds that a call may take. A call given up ends in its own time, in the background.
        """
        self._llm, self._timeout_s = llm, timeout_s

    @property
    def model(self) -> str:
        """The name in the LLM's metadata."""
        return self._llm.metadata.model_name

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`."""
        messages = with_form(request.messages, request.form) if request.form is not None else request.messages
        pieces: list[str] = []
        told: dict[str, Any] = {}
        legible = Legible()
        for response in self._responses(request, [ChatMessage(role=m.role, content=m.content) for m in messages]):
            told |= {name: value for name, value in _raw(response).items() if value}
            if shown := legible.of(response.delta or ""):
                pieces.append(shown)
                yield shown
        if shown := legible.rest():
            pieces.append(shown)
            yield shown
        text = "".join(pieces)
        if not text.strip():
            raise ChatFailed("nonsense", "an empty reply")
        prompt, completion = (told_tokens(told.get("usage"), name) for name in ("prompt_tokens", "completion_tokens"))
        yield Reply(
            text,
            self.model,
            count_messages(messages) if prompt is None else prompt,
            count(text) if completion is None else completion,
            complete=told.get("finish_reason") not in INCOMPLETE,
        )

    def _responses(self, request: Request, messages: list[ChatMessage]) -> Iterator[ChatResponse]:
        deadline = Deadline(min(self._timeout_s, request.timeout_s or self._timeout_s))
        worker = ThreadPoolExecutor(1, thread_name_prefix="llama-index-chat")
        try:
            responses = self._within(deadline, worker, self._llm.stream_chat, messages)
            while (response := self._within(deadline, worker, next, responses, None)) is not None:
                yield response
        finally:
            worker.shutdown(wait=False, cancel_futures=True)

    def _within(self, deadline: Deadline, worker: ThreadPoolExecutor, call: Any, *arguments: Any) -> Any:
        done = worker.submit(call, *arguments)
        try:
            error = done.exception(timeout=deadline.left_s())
        except TimeoutError:
            raise ChatFailed("timeout", f"{self.model} did not answer in time") from None
        if error is not None:
            # The message may show a key or the request.
            raise ChatFailed(_kind(error), f"{self.model}: {type(error).__name__}") from None
        return done.result()


def _kind(error: BaseException) -> FailureKind:
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 425, 429):
        return "refused"
    if isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower():
        return "timeout"
    return "overloaded" if isinstance(status, int) else "unreachable"


def _raw(response: ChatResponse) -> dict[str, Any]:
    """Usage and finish reason out of what the provider sent, where it is of the common form."""
    choices = _of(response.raw, "choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    usage = _of(response.raw, "usage")
    counts = {name: _of(usage, name) for name in ("prompt_tokens", "completion_tokens")}
    return {"usage": counts if counts["prompt_tokens"] else None, "finish_reason": _of(first, "finish_reason")}


def _of(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
