"""Whole answers over HTTP: the real client, a server that fails at one stage, and what the user then gets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from assistant import Answer, Assistant, verify
from assistant.llm.open import open_chat
from assistant.llm.records import ChatFailed
from ingest import Library, Settings
from tests.llm_server import Act, LLMServer, Received, says
from tests.test_by_llm import BOTH, PLAN, QUESTION, SAID, supported
from tests.test_llm_faults import BROKEN, FAULTS
from tests.timing import on_time

DEADLINE_S = 1.0
KEY = "sk-test-of-whole-answers"
OPENINGS = {
    "understand": "A reader asks a collection of paper abstracts.",
    "judge": "Judge each paper by itself",
    "answer_list": "For each paper that belongs in the answer",
    "verify": "Decide for each whether the lines cited",
}
"""What tells a stage by its prompt."""

CHOSEN: Mapping[str, Act] = {
    name: fault.act
    for name, fault in {**FAULTS, **BROKEN}.items()
    if name
    in {
        "429",
        "429 with Retry-After",
        "quota",
        "500",
        "401 that echoes the key",
        "time-out before the headers",
        "body in drips",
        "reset",
        "HTML",
        "malformed JSON",
        "JSON of another shape",
        "gzip bomb",
        "empty reply",
        "10 MB in many events",
        "cut in the middle",
        "an error in the middle",
        "silence in the middle",
    }
} | {
    "JSON that is not the form": says('{"verdict": "yes"}'),
    "talk": says("Certainly! Here is what I think about that."),
}


def healthy(received: Received) -> Act:
    prompt = received.body["messages"][-1]["content"]
    assert callable(BOTH)
    assert callable(SAID)
    replies = {"understand": lambda _: json.dumps(PLAN), "judge": BOTH, "answer_list": SAID, "verify": supported}
    return says(replies[stage_of(received)](prompt))


def stage_of(received: Received) -> str:
    text = received.text
    return next(stage for stage, opening in OPENINGS.items() if opening in text)


@contextmanager
def assistant_at(url: str, library: Library, settings: Settings) -> Iterator[Assistant]:
    told = settings.model_copy(
        update={"base_url": url, "model": "scripted", "api_key": SecretStr(KEY), "model_timeout_s": DEADLINE_S}
    )
    yield Assistant(library, told, open_chat(told, library.path))


def test_a_whole_answer_over_http(library: Library, settings: Settings) -> None:
    with LLMServer(healthy) as server, assistant_at(server.url, library, settings) as assistant:
        answer = assistant.ask(QUESTION, mode="llm")
    assert [stage_of(received) for received in server.received] == list(OPENINGS)
    assert len(answer.citations) == 2
    assert verify(answer, library).problems == ()
    assert answer.usage.cost_usd == 0
    assert KEY not in json.dumps(answer.to_dict())


@pytest.mark.slow
@pytest.mark.parametrize("stage", OPENINGS)
@pytest.mark.parametrize("name", CHOSEN)
def test_a_fault_at_a_stage_ends_in_an_answer_that_says_so(
    name: str, stage: str, library: Library, settings: Settings
) -> None:
    """Offline with a notice where the model could not do its part; else papers vouch for themselves."""

    def ill(received: Received) -> Act:
        return CHOSEN[name] if stage_of(received) == stage else healthy(received)

    def asked() -> Answer:
        with LLMServer(ill) as server, assistant_at(server.url, library, settings) as assistant:
            return assistant.ask(QUESTION, mode="auto")

    answer = on_time(3 * DEADLINE_S, 3, asked)
    assert verify(answer, library).problems == ()
    assert answer.citations
    assert KEY not in json.dumps(answer.to_dict())
    spoke_in_vain = stage == "answer_list" and name in ("JSON of another shape", "JSON that is not the form", "talk")
    if stage == "verify" or (spoke_in_vain and answer.mode == "llm"):
        assert answer.mode == "llm"
        assert len(answer.citations) == 2
    else:
        assert answer.mode == "offline"
        assert answer.notices[0].startswith("The language model could not be used")


@pytest.mark.parametrize("stage", ["understand", "judge", "answer_list"])
def test_in_mode_llm_a_fault_is_an_error(stage: str, library: Library, settings: Settings) -> None:
    def ill(received: Received) -> Act:
        return CHOSEN["401 that echoes the key"] if stage_of(received) == stage else healthy(received)

    with (
        LLMServer(ill) as server,
        assistant_at(server.url, library, settings) as assistant,
        pytest.raises(ChatFailed) as caught,
    ):
        assistant.ask(QUESTION, mode="llm")
    assert caught.value.exit_code == 1
    assert KEY not in str(caught.value)


def test_nobody_there(library: Library, settings: Settings) -> None:
    with assistant_at("http://127.0.0.1:9/v1", library, settings) as assistant:
        answer = assistant.ask(QUESTION)
    assert answer.mode == "offline"
    assert "unreachable" in answer.notices[0]


def test_replies_are_kept_and_replayed_without_the_server(library: Library, settings: Settings) -> None:
    with LLMServer(healthy) as server, assistant_at(server.url, library, settings) as assistant:
        asked = assistant.ask(QUESTION, mode="llm")
        url = server.url
    told = settings.model_copy(update={"base_url": url, "model": "scripted", "api_key": SecretStr(KEY)})
    replaying = Assistant(library, told, open_chat(told, library.path, use="replay"))
    replayed = replaying.ask(QUESTION, mode="llm")
    assert (replayed.text, replayed.citations, replayed.claims) == (asked.text, asked.citations, asked.claims)
    assert replayed.usage == asked.usage
    with pytest.raises(ChatFailed, match="not_recorded"):
        replaying.ask("which papers prune networks", mode="llm")
