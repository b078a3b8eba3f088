"""A language model that fails, in whole or in part: the offline answer or the error, and how that is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from assistant import Assistant
from assistant.by_llm import judge as judging
from assistant.llm.records import ChatFailed
from assistant.records import Depth
from ingest import Library, Settings, ingest
from ingest.export import jsonl
from tests.fakes import Script, WordEncoder
from tests.libraries import WORDS, many
from tests.test_by_llm import FACT, QUESTION, judges, script, sheets

STAGES = ("understand", "judge", "answer_list")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("failure", ["", "not at all", "{}", '{"papers": 3}', ChatFailed("unreachable", "refused")])
def test_a_model_that_fails_leaves_the_offline_answer_or_the_error(
    stage: str, failure: Script, library: Library, settings: Settings
) -> None:
    assistant = Assistant(library, settings, script(**{stage: failure}))
    answer = assistant.ask(QUESTION, mode="auto")
    if stage == "answer_list" and not isinstance(failure, ChatFailed):
        assert answer.mode == "llm"  # the judged papers are there, each with its own sentences
        assert len(answer.citations) == 2
        return
    assert answer.mode == "offline"
    assert any("could not be used" in notice for notice in answer.notices)
    assert answer.citations
    assert answer.usage.calls >= 1
    with pytest.raises(ChatFailed):
        assistant.ask(QUESTION, mode="llm")


@pytest.mark.parametrize("said", ["Foo.", "| model | bits |\n| --- | --- |\n| all | 4 |"])
@pytest.mark.parametrize("depth", ["quick", "thorough"])
def test_a_quick_or_factual_answer_without_any_proof_is_nonsense(
    depth: Depth, said: str, library: Library, settings: Settings
) -> None:
    chat = script(understand=json.dumps(FACT), judge=judges(Curvature={"meets": [1], "sentences": [3]}), answer=said)
    with pytest.raises(ChatFailed, match="nonsense"):
        Assistant(library, settings, chat).ask("At how many bits does it match?", mode="llm", depth=depth)


ANYTHING = f"papers on {' '.join(WORDS[:6])}"


@pytest.fixture
def thirty(settings: Settings) -> Iterator[Library]:
    source = settings.library.parent / "many.jsonl"
    source.write_text(jsonl(many(30)), "utf-8")
    ingest(source, settings.library, settings=settings, encoder=WordEncoder())
    with Library.open(settings.library, settings, WordEncoder()) as opened:
        yield opened


def test_a_batch_that_fails_leaves_the_others_and_is_told(
    thirty: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "BATCH_TOKENS", 300)
    calls = iter(range(100))

    def sometimes(prompt: str) -> str:
        if next(calls) == 1:
            raise ChatFailed("nonsense", "no form")
        found = sheets(prompt).values()
        said = {"meets": [1, 2], "role": "uses", "sentences": [1]}
        return json.dumps({"papers": [{"paper": key} | said for key, _ in found]})

    chat = script(judge=sometimes, answer_list="")
    settings = settings.model_copy(update={"model_calls_at_once": 1})
    answer = Assistant(thirty, settings, chat).ask(ANYTHING, mode="llm")
    assert 15 < answer.coverage.judged < 30
    assert any("no usable verdict" in notice for notice in answer.notices)


def test_when_most_batches_fail_the_model_has_failed(thirty: Library, settings: Settings) -> None:
    with pytest.raises(ChatFailed, match="timeout"):
        Assistant(thirty, settings, script(judge=ChatFailed("timeout", "no reply"))).ask(ANYTHING, mode="llm")


def test_a_thorough_answer_estimates_its_recall_from_an_audit(
    thirty: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.by_llm import reasoner  # noqa: PLC0415

    monkeypatch.setattr(reasoner, "AUDITED", 3)
    monkeypatch.setattr(reasoner, "JUDGE_TOKENS", 1_700)
    first = judges(**{"": {"meets": [1, 2], "sentences": [1]}})
    recalls = []
    for _ in range(2):
        answer = Assistant(thirty, settings, script(judge=first, answer_list="")).ask(ANYTHING, mode="llm")
        recalls.append(answer.coverage.estimated_recall)
    assert recalls[0] == recalls[1]
    assert recalls[0]
    assert 0 <= recalls[0].low <= recalls[0].value <= recalls[0].high <= 1
    assert answer.coverage.judged < answer.coverage.papers


def test_closing_the_stream_stops_the_asking(thirty: Library, settings: Settings) -> None:
    chat = script()
    events = Assistant(thirty, settings.model_copy(update={"model_calls_at_once": 1}), chat).stream(QUESTION)
    assert next(events)
    events.close()  # type: ignore[attr-defined]  # stream is a generator
    assert chat.asked == []
