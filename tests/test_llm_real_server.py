"""The seam at a server by someone else, with a model that talks nonsense: what comes is told for what it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from assistant.llm import open_chat
from assistant.llm.openai_chat import OpenAIChat
from assistant.llm.records import ChatFailed, Message, Reply, Request, whole
from assistant.llm.structured import structured
from ingest import Settings
from tests.real_server import make_model, serving

pytestmark = pytest.mark.slow


class Plan(BaseModel):
    """A form that gibberish does not have."""

    kind: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("tiny-model")
    make_model(folder)
    with serving(folder) as url:
        yield url, str(folder)


def request(tokens: int = 24) -> Request:
    return Request("real", (Message("system", "Be brief."), Message("user", "Which papers?")), tokens)


def test_gibberish_comes_in_pieces_with_the_servers_own_usage(served: tuple[str, str], tmp_path: Path) -> None:
    url, model = served
    chat = open_chat(Settings(base_url=url, model=model, offline=True), tmp_path)
    assert chat is not None
    *pieces, reply = chat.stream(request())
    assert isinstance(reply, Reply)
    assert len(pieces) > 3
    assert "".join(map(str, pieces)) == reply.text
    assert reply.model.startswith(model)
    assert (reply.completion_tokens, reply.complete, reply.local) == (24, False, True)
    assert reply.prompt_tokens > 30
    assert whole(chat, request()).text == reply.text


def test_streamed_or_not_it_is_the_same(served: tuple[str, str]) -> None:
    url, model = served
    streamed, plain = OpenAIChat(url, model, timeout_s=60), OpenAIChat(url, model, timeout_s=60)
    plain._refused = frozenset({"stream"})
    assert whole(streamed, request()) == whole(plain, request())


def test_a_form_is_not_to_be_had(served: tuple[str, str]) -> None:
    url, model = served
    with pytest.raises(ChatFailed) as caught:
        structured(OpenAIChat(url, model, timeout_s=60), request(), Plan)
    assert caught.value.kind in ("nonsense", "cut_off")
    assert len(caught.value.replies) == 2


def test_a_model_that_it_does_not_have(served: tuple[str, str]) -> None:
    url, _ = served
    with pytest.raises(ChatFailed) as caught:
        whole(OpenAIChat(url, "no-such/model", timeout_s=60), request())
    assert caught.value.kind in ("refused", "overloaded")


def test_a_list_of_models_that_cannot_be_had(served: tuple[str, str]) -> None:
    url, _ = served
    with pytest.raises(ChatFailed, match="WHICHPAPERS_MODEL"):
        whole(OpenAIChat(url, timeout_s=60), request())
