"""The recorded answers of a careful reader, replayed over the real pages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from assistant import Assistant, verify
from evals.recorded import RECORD, RecordedReader, outcomes
from evals.records import Outcome, Score
from evals.run import scores
from ingest import Settings


@pytest.fixture(scope="session")
def replayed(pages_settings: Settings) -> Iterator[list[Outcome]]:
    reader = RecordedReader()
    with Assistant.open(settings=pages_settings, chat=reader) as assistant:
        found = outcomes(assistant, reader)
        assert [
            problem for outcome in found for problem in verify(outcome.reply.answer, assistant.library).problems
        ] == []
        yield found


@pytest.fixture(scope="session")
def measured(replayed: list[Outcome]) -> dict[str, Score]:
    return scores(replayed)


def test_at_least_twenty_questions_are_kept_with_their_verdicts() -> None:
    cases = [json.loads(line) for line in RECORD.read_text("utf-8").splitlines()]
    assert len({case["id"] for case in cases}) == len(cases) >= 20
    assert all(case["plan"]["criteria"] for case in cases)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "least"),
    [("list_f1", 0.90), ("vital_nugget_recall", 0.85), ("citation_precision", 0.95), ("quote_validity", 1.0)],
)
def test_the_answers_are_as_good_as_they_were(measure: str, least: float, measured: dict[str, Score]) -> None:
    assert (measured[measure].mean or 0) >= least


@pytest.mark.slow
def test_what_has_no_answer_is_refused_and_what_has_one_is_not(replayed: list[Outcome]) -> None:
    for outcome in replayed:
        assert outcome.reply.answer.abstained == (not outcome.relevant), outcome.case.id


@pytest.mark.slow
def test_a_thorough_answer_keeps_to_its_tokens(replayed: list[Outcome]) -> None:
    assert max(outcome.reply.answer.usage.prompt_tokens for outcome in replayed) <= 45_000


@pytest.mark.slow
def test_a_quick_answer_keeps_to_its_tokens(pages_settings: Settings) -> None:
    reader = RecordedReader()
    with Assistant.open(settings=pages_settings, chat=reader) as assistant:
        for case in reader.cases:
            if case["lines"]:
                answer = assistant.ask(case["plan"]["question"], mode="llm", depth="quick")
                assert answer.usage.calls == 1
                assert answer.usage.prompt_tokens <= 6_000
                assert verify(answer, assistant.library).problems == ()
