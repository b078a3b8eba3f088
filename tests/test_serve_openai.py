"""A library as a model: what the `openai` client gets of it, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from assistant import Answer, Assistant
from assistant.llm.records import ChatFailed
from assistant.render import markdown
from tests.fakes import ScriptedChat
from tests.serving import serving, six
from tests.test_by_llm import QUESTION, script

DOWN = ChatFailed("unreachable", "nobody is there")
KEY = "a-key-for-this-test-only"
USER = {"role": "user", "content": QUESTION}
TITLE = """### Task:
Find a title of 3 to 5 words for this chat, as JSON: { "title": "..." }
<chat_history>
USER: which papers use the Hessian?
ASSISTANT: Two do. [1] [2]
</chat_history>"""


@pytest.fixture(scope="module")
def assistant(six_papers: Path) -> Iterator[Assistant]:
    with six(six_papers) as assistant:
        yield assistant


@pytest.fixture(scope="module")
def client(assistant: Assistant) -> Iterator[Any]:
    with serving(assistant, KEY) as address, client_of(address) as client:
        yield client


def client_of(address: str, key: str = KEY) -> Any:
    """A client; untyped, as it is given what its types forbid."""
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)


def told(completion: Any) -> Answer:
    """The answer that comes with a completion."""
    return Answer.from_dict(completion.whichpapers)


def test_the_models_are_listed(client: Any) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["whichpapers", "whichpapers-quick", "whichpapers-offline"]
    assert client.models.retrieve("whichpapers").id == "whichpapers"
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-4'; expected one of whichpapers"):
        client.models.retrieve("gpt-4")


def test_a_chat_gets_the_answer_with_markers_sources_and_all(client: Any, assistant: Assistant) -> None:
    options = {"temperature": 0.3, "max_tokens": 5, "user": "somebody", "tools": []}  # not ours to obey
    completion = client.chat.completions.create(model="whichpapers", messages=[USER], **options)
    expected = assistant.ask(QUESTION)
    (choice,) = completion.choices
    assert choice.message.content == markdown(expected)
    assert "[1]" in choice.message.content
    assert "## Sources\n\n1. " in choice.message.content
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert told(completion).citations == expected.citations
    assert completion.usage.total_tokens == 0  # no model took part


def test_a_stream_tells_the_same(client: Any) -> None:
    options = {"model": "whichpapers", "messages": [USER]}
    whole = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    stages = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert stages.startswith("understand: ")
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert told(chunks[-2]).citations == told(whole).citations
    assert chunks[-1].usage.total_tokens == 0
    assert len({chunk.id for chunk in chunks}) == 1


def test_models_and_options_choose_how_it_is_asked(client: Any) -> None:
    def settings(model: str, **more: Any) -> Any:
        completion = client.chat.completions.create(model=model, messages=[USER], extra_body=more)
        return dict(told(completion).trace.settings)

    assert settings("whichpapers") == {"mode": "auto", "depth": "thorough"}
    assert settings("whichpapers-quick") == {"mode": "auto", "depth": "quick"}
    assert settings("whichpapers-offline", depth="quick") == {"mode": "offline", "depth": "quick"}
    assert settings("whichpapers", where="year >= 2022")["where"] == "year >= 2022"


def test_a_follow_up_is_read_with_what_came_before(client: Any, assistant: Assistant) -> None:
    first = client.chat.completions.create(model="whichpapers", messages=[USER]).choices[0].message.content
    follow = "do they keep accuracy?"
    history = [USER, {"role": "assistant", "content": first}]
    parts = [{"type": "text", "text": follow}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    chat = [{"role": "system", "content": "Be terse."}, *history, {"role": "user", "content": parts}]
    answer = told(client.chat.completions.create(model="whichpapers", messages=chat))
    assert answer.question == follow
    assert answer.standalone_question == assistant.ask(follow, history).standalone_question != follow


def test_a_long_chat_is_read_from_its_end(client: Any) -> None:
    chat = [USER, {"role": "assistant", "content": "Two do. [1] [2]"}] * 500
    answer = told(client.chat.completions.create(model="whichpapers", messages=[*chat, USER]))
    assert answer.citations


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_for_a_title_is_no_question(client: Any, stream: bool) -> None:
    options = {"model": "whichpapers", "messages": [{"role": "user", "content": TITLE}], "stream": stream}
    if stream:
        chunks = list(client.chat.completions.create(**options))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        text = client.chat.completions.create(**options).choices[0].message.content
    assert text == ""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("changes", "kind", "line"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "no model 'gpt-4'"),
        ({"messages": []}, openai.UnprocessableEntityError, "messages: list should have at least 1 item"),
        ({"messages": [{"role": "king", "content": "x"}]}, openai.UnprocessableEntityError, "messages.0.role"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.UnprocessableEntityError, "of role 'user'"),
        ({"messages": [{"role": "user", "content": ""}]}, openai.UnprocessableEntityError, "the question is empty"),
        ({"messages": [{"role": "user", "content": "x" * 2_001}]}, openai.UnprocessableEntityError, "2,001 characters"),
        ({"extra_body": {"where": "yeer"}}, openai.UnprocessableEntityError, "cannot read the filter 'yeer'"),
        ({"extra_body": {"mode": "llm"}}, openai.UnprocessableEntityError, "needs a language model"),
    ],
)
def test_errors_are_those_that_the_client_knows(
    client: Any, changes: dict[str, Any], kind: type[openai.APIStatusError], line: str, stream: bool
) -> None:
    with pytest.raises(kind) as raised:
        client.chat.completions.create(**{"model": "whichpapers", "messages": [USER], "stream": stream} | changes)
    assert isinstance(raised.value.body, dict)
    assert line in raised.value.body["message"]


def test_a_wrong_key_is_refused(client: Any) -> None:
    with pytest.raises(openai.AuthenticationError, match="send the key of this server"):
        client.with_options(api_key="another-key-than-that").models.list()


def test_a_language_model_behind_it_is_counted_priced_and_told_of_when_down(six_papers: Path) -> None:
    asked = {"model": "whichpapers", "messages": [USER]}
    with six(six_papers, chat=script()) as assistant, serving(assistant) as address, client_of(address) as client:
        completion = client.chat.completions.create(**asked)
        assert completion.usage.total_tokens > completion.usage.completion_tokens > 0
        assert told(completion).usage.prompt_tokens == completion.usage.prompt_tokens
        with pytest.raises(openai.APIStatusError) as raised:
            client.chat.completions.create(**asked, extra_body={"depth": "exhaustive"})
        assert (raised.value.status_code, raised.value.body["price"]["calls"] > 1) == (402, True)  # type: ignore[index]  # openai types it as an object
        accepted = {"depth": "exhaustive", "accept_price": True}
        assert client.chat.completions.create(**asked, extra_body=accepted).choices[0].message.content
    down = ScriptedChat(understand=DOWN)
    with six(six_papers, chat=down) as assistant, serving(assistant) as address, client_of(address) as client:
        with pytest.raises(openai.InternalServerError, match="nobody is there"):
            client.chat.completions.create(**asked, extra_body={"mode": "llm"})
        with pytest.raises(openai.APIError, match="nobody is there"):
            list(client.chat.completions.create(**asked, extra_body={"mode": "llm"}, stream=True))
        assert "nobody is there" in client.chat.completions.create(**asked).choices[0].message.content
