"""The nouns of a call to a language model: Message -> Request -> Reply; and the seam, `Chat`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from assistant.errors import AssistantError

FailureKind = Literal[
    "unreachable", "refused", "quota", "overloaded", "timeout", "cut_off", "nonsense", "too_large", "not_recorded"
]


SAMPLING: Mapping[str, float] = {"temperature": 0, "seed": 1}
"""How every model is asked to choose its words: alike each time, as far as it can."""

INCOMPLETE = frozenset({"length", "max_tokens", "content_filter"})
"""The finish reasons of a reply that is not whole, as servers name them."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a request."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked: everything that determines its reply, but the model itself."""

    stage: str
    """The prompt it was rendered from, for progress, traces and scripted models; not sent."""
    messages: tuple[Message, ...]
    max_tokens: int
    """Most tokens of the reply."""
    form: Mapping[str, Any] | None = None
    """JSON Schema of the reply, None for prose. The server is told where it can obey; the text is checked anyway."""
    timeout_s: float | None = None
    """Most seconds the call may take, where that is less than the chat's own limit; does not determine the reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered."""

    text: str
    model: str
    """The model's name, as the server tells it, else as it was asked for."""
    prompt_tokens: int
    """By the server's count, else by tiktoken."""
    completion_tokens: int
    complete: bool = True
    """False when it ended at `max_tokens` or by the server's filter."""
    calls: int = 1
    """Attempts it took; 0 when it came from the record (but as it was recorded where only that may answer)."""
    local: bool = False
    """Whether a server on this machine gave it: then it cost nothing."""


class Chat(Protocol):
    """A language model."""

    @property
    def model(self) -> str:
        """Its name."""

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """Yields the reply's text in pieces as they come, and at last the whole Reply.

        May be called from several threads at once. Closing the iterator ends the call.

        Raises:
            ChatFailed: There is no whole reply. Pieces may have been yielded before.
        """


def whole(chat: Chat, request: Request) -> Reply:
    """The reply to `request`, once it is there."""
    return next(piece for piece in chat.stream(request) if isinstance(piece, Reply))


def told_tokens(usage: object, name: str) -> int | None:
    """A server's count of tokens, out of the `usage` it sent, if that can be believed."""
    counted = usage.get(name) if isinstance(usage, Mapping) else None
    return counted if isinstance(counted, int) and not isinstance(counted, bool) and counted >= 0 else None


class ChatFailed(AssistantError):
    """A language model gave no usable reply. The message holds no key and no text of the request."""

    exit_code = 1

    def __init__(self, kind: FailureKind, why: str, *, retry_after_s: float | None = None, calls: int = 1) -> None:
        """A failure.

        Args:
            kind: `quota`, `refused`, `too_large` and `not_recorded` will not pass by trying again.
            why: One line, for people.
            retry_after_s: When the server wants to be asked again, if it says so.
            calls: Attempts that brought no reply; 0 when the model was not asked.
        """
        self.kind, self.why, self.retry_after_s, self.calls = kind, why, retry_after_s, calls
        self.replies: tuple[Reply, ...] = ()
        """What came before it and could not be used, but has its price."""
        super().__init__(f"the language model failed ({kind}): {why}")
