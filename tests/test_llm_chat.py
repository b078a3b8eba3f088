"""The contract of Chat, over the OpenAI client and over LlamaIndex's models; and what each does besides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from pydantic import Field

from assistant.llm.llama_index_chat import LlamaIndexChat
from assistant.llm.openai_chat import OpenAIChat
from assistant.llm.records import Chat, ChatFailed, Message, Reply, Request, whole
from assistant.llm.tokens import count, count_messages
from tests.llm_server import (
    MODEL,
    USAGE,
    Act,
    LLMServer,
    Received,
    chunk,
    fails,
    pieces_of,
    says,
    streams,
)

REQUEST = Request("contract", (Message("system", "Be brief."), Message("user", "How many?")), 100)
FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
ASKS_FORM = Request("contract", REQUEST.messages, 100, FORM)
TEXT = "Forty-two: 42 café \U0001f60a."


class ScriptedLLM(CustomLLM):
    """A LlamaIndex model that says what it is told."""

    pieces: tuple[str, ...] = ()
    usage: Any = None
    finish: str = "stop"
    error: Any = None
    waits_s: float = 0
    seen: list[Any] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted-llm")

    def stream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseGen:
        self.seen.append(messages)
        if self.error is not None:
            raise self.error

        def responses() -> ChatResponseGen:
            for number, piece in enumerate(self.pieces, start=1):
                time.sleep(self.waits_s)
                last = number == len(self.pieces)
                raw = {"choices": [{"finish_reason": self.finish if last else None}], "usage": self.usage}
                yield ChatResponse(message=ChatMessage(role="assistant"), delta=piece, raw=raw if last else None)

        return responses()

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise AssertionError(f"not asked for: {prompt!r} {formatted}")

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponseGen:
        raise AssertionError(f"not asked for: {prompt!r} {formatted}")


@contextmanager
def over_openai(text: str, finish: str, usage: dict[str, int] | None) -> Iterator[Chat]:
    with LLMServer(lambda _: says(text, finish, usage=usage)) as server:
        yield OpenAIChat(server.url, MODEL, timeout_s=5)


@contextmanager
def over_openai_plain(text: str, finish: str, usage: dict[str, int] | None) -> Iterator[Chat]:
    def script(received: Received) -> Act:
        return fails(400, "stream is not supported") if received.streams else says(text, finish, usage=usage)

    with LLMServer(script) as server:
        yield OpenAIChat(server.url, MODEL, timeout_s=5)


@contextmanager
def over_llama_index(text: str, finish: str, usage: dict[str, int] | None) -> Iterator[Chat]:
    pieces = tuple(pieces_of(text))
    yield LlamaIndexChat(ScriptedLLM(pieces=pieces, finish=finish, usage=usage), timeout_s=5)


Opens = Callable[[str, str, dict[str, int] | None], AbstractContextManager[Chat]]


@pytest.fixture(params=[over_openai, over_openai_plain, over_llama_index])
def opens(request: pytest.FixtureRequest) -> Opens:
    opens: Opens = request.param
    return opens


def test_the_pieces_are_the_text_and_the_reply_comes_last(opens: Opens) -> None:
    with opens(TEXT, "stop", USAGE) as chat:
        *pieces, reply = chat.stream(REQUEST)
        assert isinstance(reply, Reply)
        assert all(isinstance(piece, str) and piece for piece in pieces)
        assert "".join(map(str, pieces)) == reply.text == TEXT
        assert (reply.complete, reply.calls) == (True, 1)
        assert chat.model == reply.model


def test_usage_is_the_servers_own(opens: Opens) -> None:
    with opens(TEXT, "stop", USAGE) as chat:
        reply = whole(chat, REQUEST)
    assert (reply.prompt_tokens, reply.completion_tokens) == (USAGE["prompt_tokens"], USAGE["completion_tokens"])


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": -1}, {"prompt_tokens": None, "completion_tokens": True}])
def test_usage_that_is_not_told_is_counted(opens: Opens, usage: Any) -> None:
    with opens(TEXT, "stop", usage) as chat:
        reply = whole(chat, REQUEST)
    assert (reply.prompt_tokens, reply.completion_tokens) == (count_messages(REQUEST.messages), count(TEXT))


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_reply_that_ended_early_says_so(opens: Opens, finish: str) -> None:
    with opens(TEXT, finish, USAGE) as chat:
        assert not whole(chat, REQUEST).complete


def test_thoughts_are_left_out(opens: Opens) -> None:
    with opens(f"<think>Hm, 41? No.</think>\n\n{TEXT}", "stop", USAGE) as chat:
        *pieces, reply = chat.stream(REQUEST)
    assert "".join(map(str, pieces)) == TEXT
    assert isinstance(reply, Reply)
    assert reply.text == TEXT


@pytest.mark.parametrize("text", ["<", "<think", "a < b", "<thin>gs"])
def test_what_only_looks_like_a_thought_is_not_lost(opens: Opens, text: str) -> None:
    with opens(text, "stop", USAGE) as chat:
        assert whole(chat, REQUEST).text == text


def test_what_cannot_be_seen_is_left_out(opens: Opens) -> None:
    with opens("Forty\x1b[31m-\u202etwo\u200b\x00:\n\t42", "stop", USAGE) as chat:
        assert whole(chat, REQUEST).text == "Forty[31m-two:\n\t42"


def test_an_empty_reply_is_a_failure(opens: Opens) -> None:
    with opens(" ", "stop", USAGE) as chat, pytest.raises(ChatFailed, match="empty"):
        whole(chat, REQUEST)


def test_many_threads_share_one_chat(opens: Opens) -> None:
    texts: list[str] = []
    with opens(TEXT, "stop", USAGE) as chat:
        threads = [threading.Thread(target=lambda: texts.append(whole(chat, REQUEST).text)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == [TEXT] * 8


# --- what LlamaIndex's models do -----------------------------------------------------------------------------------


def test_a_llama_index_model_is_told_the_form_in_words() -> None:
    llm = ScriptedLLM(pieces=("{}",))
    whole(LlamaIndexChat(llm), ASKS_FORM)
    (messages,) = llm.seen
    assert [message.role.value for message in messages] == ["system", "user"]
    assert "additionalProperties" in messages[1].content


class StatusError(Exception):
    """As the SDKs behind LlamaIndex's models raise them."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        super().__init__("Bearer sk-secret")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StatusError(401), "refused"),
        (StatusError(429), "overloaded"),
        (StatusError(500), "overloaded"),
        (TimeoutError(), "timeout"),
        (ConnectionError("sk-secret"), "unreachable"),
        (StopIteration(), "unreachable"),
    ],
)
def test_what_a_llama_index_model_raises_is_told_by_its_kind(error: Exception, kind: str) -> None:
    with pytest.raises(ChatFailed) as caught:
        whole(LlamaIndexChat(ScriptedLLM(error=error)), REQUEST)
    assert caught.value.kind == kind
    assert "sk-secret" not in str(caught.value)


def test_a_llama_index_model_that_hangs_is_given_up() -> None:
    chat = LlamaIndexChat(ScriptedLLM(pieces=("a", "b"), waits_s=0.3), timeout_s=0.4)
    began = time.monotonic()
    with pytest.raises(ChatFailed) as caught:
        whole(chat, REQUEST)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 5


def test_streams_of_one_server_do_not_mix() -> None:
    """Two streams read in turns: each gets its own pieces."""
    with LLMServer(lambda received: streams(*map(chunk, received.text[-3:]), chunk(finish="stop"))) as server:
        chat = OpenAIChat(server.url, MODEL, timeout_s=5)
        both = [chat.stream(Request("x", (Message("user", text),), 9)) for text in ("abc", "xyz")]
        read = [(next(both[0]), next(both[1])) for _ in range(3)]
    assert read == [("a", "x"), ("b", "y"), ("c", "z")]


ACCOUNT = {"OPENAI_ORG_ID": "org-mine", "OPENAI_PROJECT_ID": "proj-mine", "OPENAI_CUSTOM_HEADERS": "X-Own: mine"}


def test_what_the_environment_says_of_an_account_goes_to_no_other_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    with LLMServer(lambda _: says(TEXT)) as server:
        whole(OpenAIChat(server.url, MODEL), REQUEST)
    assert "mine" not in str(server.received[0].headers)
    with OpenAIChat("https://eu.api.openai.com/v1", MODEL)._client(1) as client:
        assert (client.organization, client.project) == ("org-mine", "proj-mine")
