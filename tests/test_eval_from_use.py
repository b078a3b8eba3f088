"""from use: ratings and saved questions become cases that can be asked, and nothing is made of what is not known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.feedback import collect
from evals.cases import read_cases
from evals.errors import CannotWrite, NoNotes
from evals.from_use import write_cases
from ingest import Library, Settings
from ingest.notes import Asked, Notes
from tests.fakes import WordEncoder

LIST = "which papers quantize with the Hessian?"
NO = "Where is the best pizza in Naples?"


@pytest.fixture
def notes(library: Library) -> Iterator[Notes]:
    with Notes(library.path / "notes.db") as opened:
        yield opened


@pytest.fixture
def asking(library: Library, settings: Settings) -> Assistant:
    return Assistant(library, settings)


def ask(notes: Notes, asking: Assistant, question: str, conversation: int | None = None) -> tuple[int, int, list[str]]:
    """Asks and keeps a turn: its id, its conversation, and the ids of the papers cited."""
    answer = asking.ask(question, mode="offline")
    turn = notes.ask("", conversation, Asked(question, mode="offline"))
    notes.finish(turn.id, json.dumps(answer.to_dict()))
    return turn.id, turn.conversation, [citation.paper.id for citation in answer.citations]


def test_papers_rated_good_are_relevant(notes: Notes, asking: Assistant, library: Library, tmp_path: Path) -> None:
    turn, _, cited = ask(notes, asking, LIST)
    assert len(cited) >= 2
    notes.rate("", turn, cited[0], good=True)
    notes.rate("", turn, cited[1], good=False)
    (case,) = collect(notes, library, "").cases
    assert [entry["grade"] for entry in case["relevant"]] == [2]
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(case) + "\n", "utf-8")
    ((read, grades),) = read_cases([path], library)
    assert (read.question, read.type, grades) == (LIST, "feedback", {cited[0]: 2})


def test_a_good_answer_vouches_for_what_it_cites_but_what_was_rated_bad(
    notes: Notes, asking: Assistant, library: Library
) -> None:
    turn, _, cited = ask(notes, asking, LIST)
    notes.rate("", turn, "", good=True)
    notes.rate("", turn, cited[0], good=False)
    (case,) = collect(notes, library, "").cases
    titles = {paper.title for paper in library.papers(cited[1:])}
    assert {entry["title"] for entry in case["relevant"]} == titles


def test_an_honest_no_rated_good_has_nothing_to_find(notes: Notes, asking: Assistant, library: Library) -> None:
    turn, _, cited = ask(notes, asking, NO)
    assert not cited
    notes.rate("", turn, "", good=True)
    (case,) = collect(notes, library, "").cases
    assert case["relevant"] == []


def test_what_would_answer_is_not_known_of_an_answer_rated_bad(
    notes: Notes, asking: Assistant, library: Library
) -> None:
    turn, _, _ = ask(notes, asking, LIST)
    notes.rate("", turn, "", good=False)
    found = collect(notes, library, "")
    assert (found.cases, found.left_out) == ((), (LIST,))


def test_a_follow_up_keeps_the_conversation(notes: Notes, asking: Assistant, library: Library) -> None:
    _, conversation, _ = ask(notes, asking, NO)
    turn, _, _ = ask(notes, asking, LIST, conversation)
    notes.rate("", turn, "", good=True)
    (case,) = collect(notes, library, "").cases
    assert [one["role"] for one in case["history"]] == ["user", "assistant"]
    assert case["history"][0]["content"] == NO


def test_saved_questions_guard_what_is_answered_today(notes: Notes, asking: Assistant, library: Library) -> None:
    _, _, cited = ask(notes, asking, LIST)
    notes.save_question("", LIST, saved=True)
    notes.save_question("", "never asked", saved=True)
    found = collect(notes, library, "")
    assert [(case["type"], len(case["relevant"])) for case in found.cases] == [("saved", len(cited))]
    assert found.left_out == ("never asked",)


def test_only_the_owners_notes_are_read(notes: Notes, asking: Assistant, library: Library) -> None:
    turn, _, _ = ask(notes, asking, LIST)
    notes.rate("", turn, "", good=True)
    assert collect(notes, library, "someone").cases == ()


def test_a_file_is_written_that_can_be_asked(
    notes: Notes, asking: Assistant, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.library.open_encoder", lambda settings: WordEncoder(settings.encoder))
    turn, _, _ = ask(notes, asking, LIST)
    notes.rate("", turn, "", good=True)
    path = tmp_path / "use.jsonl"
    write_cases(settings, "", path)
    assert len(read_cases([path], asking.library)) == 1
    with pytest.raises(CannotWrite):
        write_cases(settings, "", tmp_path / "none" / "use.jsonl")


def test_a_library_without_notes_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NoNotes, match="rate answers in the chat first"):
        write_cases(settings, "", tmp_path / "use.jsonl")
