"""What the OpenAI client asks of a server, leaves out when that is refused, and makes of odd replies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from assistant.llm.openai_chat import OpenAIChat
from assistant.llm.records import SAMPLING, ChatFailed, Message, Request, whole
from assistant.llm.tokens import count_messages
from tests.llm_server import (
    MODEL,
    Act,
    Exchange,
    LLMServer,
    Received,
    chunk,
    completion,
    fails,
    hangs,
    in_turn,
    says,
    sends,
)
from tests.test_llm_chat import ASKS_FORM, FORM, REQUEST


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
