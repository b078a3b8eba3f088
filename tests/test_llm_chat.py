"""The contract of Chat, over the OpenAI client and over LlamaIndex's models; and what each does besides."""

from __future__ import annotations

import json
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
from pydantic import Field, SecretStr

from assistant.llm.llama_index_chat import LlamaIndexChat
from assistant.llm.openai_chat import OpenAIChat
from assistant.llm.records import SAMPLING, Chat, ChatFailed, Message, Reply, Request, whole
from assistant.llm.tokens import count, count_messages
from tests.llm_server import (
    MODEL,
    USAGE,
    Act,
    Exchange,
    LLMServer,
    Received,
    chunk,
    completion,
    fails,
    hangs,
    in_turn,
    pieces_of,
    says,
    sends,
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


# --- what is asked of a server, and what is left out when it refuses ------------------------------------------------


def test_what_is_sent() -> None:
    with LLMServer(lambda _: says("Hi.")) as server:
        whole(OpenAIChat(server.url, MODEL, api_key=SecretStr("sk-1"), timeout_s=5), ASKS_FORM)
    (received,) = server.received
    assert received.path == "/v1/chat/completions"
    assert received.headers["Authorization"] == "Bearer sk-1"
    assert received.headers["Accept-Encoding"] == "identity"
    assert received.body == {
        "model": MODEL,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many?"}],
        "max_tokens": 100,
        "temperature": 0,
        "seed": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": FORM, "strict": True}},
    }


def test_without_a_key_none_is_sent_that_could_be_one() -> None:
    with LLMServer(lambda _: says("Hi.")) as server:
        whole(OpenAIChat(server.url, MODEL, timeout_s=5), REQUEST)
    assert server.received[0].headers["Authorization"] == "Bearer none"


def refusing(*unknown: str) -> Callable[[Received], Act]:
    """A server that refuses a request for the first of these words that it holds."""

    def script(received: Received) -> Act:
        sent = json.dumps(received.body)
        found = next((word for word in unknown if f'"{word}"' in sent), None)
        return fails(400, f"Unsupported parameter: '{found}'", param=found) if found else says('{"n": 42}')

    return script


@pytest.mark.parametrize(
    ("unknown", "left"),
    [
        (("stream_options",), {"stream", "max_tokens", *SAMPLING, "response_format"}),
        (
            ("max_tokens",),
            {"stream", "stream_options", "max_completion_tokens", *SAMPLING, "response_format"},
        ),
        (("temperature", "seed"), {"stream", "stream_options", "max_tokens", "response_format"}),
        (("stream",), {"max_tokens", *SAMPLING, "response_format"}),
        (("json_schema",), {"stream", "stream_options", "max_tokens", *SAMPLING, "response_format"}),
        (("response_format",), {"stream", "stream_options", "max_tokens", *SAMPLING}),
        (
            ("response_format", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "seed"),
            {"stream"},
        ),
    ],
)
def test_what_a_server_refuses_is_left_out_and_remembered(unknown: tuple[str, ...], left: set[str]) -> None:
    with LLMServer(refusing(*unknown)) as server:
        chat = OpenAIChat(server.url, MODEL, timeout_s=5)
        assert whole(chat, ASKS_FORM).text == '{"n": 42}'
        asked = len(server.received)
        assert server.received[-1].body.keys() == {"model", "messages"} | left
        assert whole(chat, ASKS_FORM).text == '{"n": 42}'
        assert len(server.received) == asked + 1


def test_where_thoughts_count_there_is_room_for_them() -> None:
    with LLMServer(refusing("max_tokens")) as server:
        whole(OpenAIChat(server.url, MODEL, timeout_s=5), REQUEST)
    assert server.received[-1].body["max_completion_tokens"] > 2_000


def test_a_server_that_takes_no_schema_is_told_the_form_in_words() -> None:
    with LLMServer(refusing("json_schema")) as server:
        whole(OpenAIChat(server.url, MODEL, timeout_s=5), ASKS_FORM)
    first, second = server.received
    assert second.body["response_format"] == {"type": "json_object"}
    assert json.dumps(FORM, sort_keys=True, separators=(",", ":")) in second.text
    assert "additionalProperties" not in first.text


def test_validation_errors_count_as_refusals_too() -> None:
    ill = fails(422, "Unsupported fields in the request: {'seed'}")
    with LLMServer(in_turn(ill, says("Hi."))) as server:
        assert whole(OpenAIChat(server.url, MODEL, timeout_s=5), REQUEST).text == "Hi."
    assert "seed" not in server.received[1].body


def test_a_refusal_that_names_nothing_we_sent_is_a_failure() -> None:
    with LLMServer(lambda _: fails(400, "upstream: response_format must be nice")) as server:
        with pytest.raises(ChatFailed) as caught:
            whole(OpenAIChat(server.url, MODEL, timeout_s=5), REQUEST)
        assert caught.value.kind == "refused"
        assert len(server.received) == 1
        with pytest.raises(ChatFailed):
            whole(OpenAIChat(server.url, MODEL, timeout_s=5), ASKS_FORM)
        assert len(server.received) == 4


def test_a_server_that_does_not_stream_though_asked_to() -> None:
    with LLMServer(lambda _: sends(json.dumps(completion("Whole.", finish=None)).encode())) as server:
        reply = whole(OpenAIChat(server.url, MODEL, timeout_s=5), REQUEST)
    assert (reply.text, reply.complete) == ("Whole.", True)


def test_events_of_many_servers() -> None:
    """Comments, roles, usage in every event, empty choices first, a name of its own, text after the end."""

    def act(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream; charset=utf-8")
        exchange.send(b": keep-alive\n\n")
        exchange.event({"id": "", "choices": [], "prompt_filter_results": []})
        exchange.event({"choices": [{"delta": {"role": "assistant", "content": ""}}], "usage": None})
        exchange.event({"choices": [{"delta": {"content": "Forty"}}], "usage": {"prompt_tokens": 5}, "model": "other"})
        exchange.event(b'{"choices": [{"delta": {"content": "-two \\ud83d\\ude0a \\ud800"}, "finish_reason": "stop"}]}')
        exchange.event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
        exchange.event(b"[DONE]")
        exchange.event(b"not JSON")

    with LLMServer(lambda _: act) as server:
        reply = whole(OpenAIChat(server.url, MODEL, timeout_s=5), REQUEST)
    assert reply.text == "Forty-two \U0001f60a \ufffd"
    assert (reply.model, reply.prompt_tokens, reply.completion_tokens) == ("other", 9, 3)


def test_tokens_spent_before_a_word_are_an_incomplete_reply_where_a_form_is_asked_for() -> None:
    with LLMServer(lambda _: says("", "length")) as server:
        reply = whole(OpenAIChat(server.url, MODEL, timeout_s=5), ASKS_FORM)
    assert (reply.text, reply.complete) == ("", False)


@pytest.mark.parametrize("form", [None, FORM])
def test_a_server_that_cut_the_prompt_without_a_word_is_found_out(form: dict[str, Any] | None) -> None:
    long = Request("x", (Message("user", "Layers differ in how well they bear quantization. " * 600),), 9, form)
    counted = count_messages(long.messages)
    for told, found_out in ((2_050, True), (int(counted * 0.6), True), (int(counted * 0.8), False), (9_999, False)):
        usage = {"prompt_tokens": told, "completion_tokens": 3}
        with LLMServer(lambda _, usage=usage: says("Hi.", usage=usage)) as server:  # type: ignore[misc]  # a default
            chat = OpenAIChat(server.url, MODEL, timeout_s=5)
            if not found_out:
                assert whole(chat, long).prompt_tokens == told
                continue
            with pytest.raises(ChatFailed, match=rf"read {told:,} of about {counted:,} tokens") as caught:
                whole(chat, long)
            assert caught.value.kind == "refused"


def test_closing_the_stream_ends_the_call() -> None:
    ended = threading.Event()

    def act(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        try:
            while not exchange.closing.is_set():
                exchange.event(chunk("more "))
                exchange.wait(0.01)
        except OSError:
            ended.set()

    with LLMServer(lambda _: act) as server:
        pieces = OpenAIChat(server.url, MODEL, timeout_s=30).stream(REQUEST)
        assert next(pieces) == "more "
        pieces.close()  # type: ignore[attr-defined]  # it is a generator
        assert ended.wait(5)


def test_a_request_can_have_less_time_than_the_chat() -> None:
    with LLMServer(lambda _: hangs()) as server:
        began = time.monotonic()
        with pytest.raises(ChatFailed) as caught:
            whole(OpenAIChat(server.url, MODEL, timeout_s=30), Request("x", REQUEST.messages, 9, timeout_s=0.2))
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("models", "why"),
    [((), "it offers: none"), (("b", "a"), "it offers: a, b"), (tuple("abcdefghij"), "a, b, c, d, e, f, g, h, ...")],
)
def test_without_a_name_the_server_has_to_have_one_model(models: tuple[str, ...], why: str) -> None:
    with LLMServer(lambda _: says("Hi."), models=models) as server, pytest.raises(ChatFailed, match=why) as caught:
        whole(OpenAIChat(server.url, timeout_s=5), REQUEST)
    assert caught.value.kind == "refused"
    assert "WHICHPAPERS_MODEL" in str(caught.value)
    with LLMServer(lambda _: says("Hi."), models=("only",)) as server:
        chat = OpenAIChat(server.url, timeout_s=5)
        assert whole(chat, REQUEST).text == "Hi."
        assert chat.model == "only"
        assert server.received[0].body["model"] == "only"


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
