"""The chat: events and answers into components, to this machine alone unless there is a password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

import app  # noqa: TID251 (its own test)
from app import Page  # noqa: TID251
from assistant import Assistant
from assistant.show.desk import Desk
from ingest import Library, Settings
from tests.fakes import WordEncoder
from tests.processes import run_module
from tests.test_by_llm import QUESTION, script

HESSIAN = "which papers use the Hessian?"


@pytest.fixture
def desk(path: Path, settings: Settings, encoder: WordEncoder) -> Iterator[Desk]:
    desk = Desk(settings, encoder, lambda wanted: Assistant(Library.open(path, wanted, encoder), wanted))
    yield desk
    desk.close()


@pytest.fixture
def page(desk: Desk) -> Page:
    return Page(desk)


def request(username: str | None = None, session: str = "s", **query: str) -> Any:
    return SimpleNamespace(username=username, session_hash=session, query_params=query)


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def ask(
    page: Page, question: str, conversation: int | None = None, who: Any = None, only: str = ""
) -> list[tuple[Any, ...]]:
    return list(page.respond(question, conversation, "Automatic", "Thorough", only, who or request()))


def test_an_answer_comes_with_its_stages_and_ends_in_the_thread(page: Page) -> None:
    *on_the_way, last = ask(page, HESSIAN)
    assert any("Judging" in shown[3] for shown in on_the_way)
    box, conversation, thread, now, kept, _ = last
    assert (box, now) == ("", "")
    assert f'data-conversation="{conversation}"' in thread
    assert "<mark>" in thread
    assert HESSIAN in kept


def test_a_follow_up_joins_its_conversation_and_knows_what_went_before(page: Page) -> None:
    conversation = ask(page, HESSIAN)[-1][1]
    last = ask(page, "and which of them keep accuracy at 3 bits?", conversation)[-1]
    assert last[1] == conversation
    assert last[2].count("<article") == 2
    assert page.desk.notes.turns("", conversation)[0].asked.question == HESSIAN


def test_a_conversation_is_there_again_after_a_restart(page: Page, desk: Desk, settings: Settings) -> None:
    conversation = ask(page, HESSIAN)[-1][1]
    desk.close()
    again = Desk(settings, WordEncoder(), lambda s: Assistant(Library.open(s.library, s, WordEncoder()), s))
    shown = Page(again).load(request(c=str(conversation)))
    again.close()
    assert shown[0] == conversation
    assert "<mark>" in shown[1]


@pytest.mark.parametrize("wanted", ["", "99", "x", "-1", "9" * 40, "１"])
def test_an_address_that_names_no_conversation_opens_an_empty_one(page: Page, wanted: str) -> None:
    conversation, shown, *_ = page.load(request(c=wanted))
    assert conversation is None
    assert "What would you like to know from 6 papers?" in shown


def test_an_empty_question_is_told_not_asked(page: Page) -> None:
    with pytest.raises(gr.Error, match="Ask something"):
        ask(page, "  ")
    assert page.desk.notes.conversations("") == []


def test_a_refused_question_is_told_in_the_thread(page: Page) -> None:
    *_, last = page.respond(HESSIAN, None, "Language model", "Quick", "", request())
    assert "needs a language model" in last[2]


def test_asking_again_replaces_a_turn_and_all_after_it(page: Page) -> None:
    conversation = ask(page, HESSIAN)[-1][1]
    first = page.desk.notes.turns("", conversation)[0].id
    ask(page, "which papers study diffusion?", conversation)
    *_, last = page.again(event(turn=first), "Automatic", "Quick", "", request())
    (turn,) = page.desk.notes.turns("", conversation)
    assert (turn.asked.question, turn.asked.depth) == (HESSIAN, "quick")
    assert last[2].count("<article") == 1


def test_editing_takes_a_question_back_into_the_box(page: Page) -> None:
    conversation = ask(page, HESSIAN)[-1][1]
    turn = page.desk.notes.turns("", conversation)[0].id
    box, *_ = page.edit(event(turn=turn), request())
    assert box == HESSIAN
    assert page.desk.notes.turns("", conversation) == []


def test_stopping_ends_the_answer_of_this_session_alone(page: Page) -> None:
    other = page.respond(HESSIAN, None, "Automatic", "Thorough", "", request(session="other"))
    next(other)
    mine = page.respond(HESSIAN, None, "Automatic", "Thorough", "", request(session="mine"))
    next(mine)
    page.stop(request(session="mine"))
    *_, last = mine
    assert "You stopped this answer" in last[2]
    *_, finished = other
    assert "<mark>" in finished[2]


def test_nobody_opens_rates_exports_or_removes_what_another_asked(page: Page) -> None:
    conversation = ask(page, HESSIAN, who=request("ann"))[-1][1]
    turn = page.desk.notes.turns("ann", conversation)[0].id
    bob = request("bob")
    assert "<article" not in page.select(event(conversation=conversation), bob)[1]
    assert not page.rate({"turn": turn, "paper": "", "value": "yes"}, "bob")
    assert page.file({"turn": turn, "form": "md"}, "bob") is None
    with pytest.raises(gr.Error):
        page.edit(event(turn=turn), bob)
    page.remove(event(conversation=conversation), None, bob)
    assert page.desk.notes.turns("ann", conversation)


def test_judgements_are_kept_shown_and_given_out_as_cases(page: Page) -> None:
    conversation = ask(page, HESSIAN)[-1][1]
    turn = page.desk.notes.turns("", conversation)[0].id
    answer = page.desk.last_answer("", conversation)
    assert answer is not None
    cited = answer.citations[0].paper
    assert page.rate({"turn": turn, "paper": cited.id, "value": "yes"}, "")
    shown = page.select(event(conversation=conversation), request())[1]
    assert f'data-rate="yes" data-paper="{cited.id}" aria-pressed="true"' in shown
    name, text = page.ratings({}, "")
    assert name.endswith(".jsonl")
    assert cited.title in text
    page.rate({"turn": turn, "paper": cited.id, "value": "none"}, "")
    assert page.ratings({}, "")[1] == ""


def test_a_kept_question_is_offered_in_an_empty_conversation(page: Page) -> None:
    conversation = ask(page, HESSIAN)[-1][1]
    turn = page.desk.notes.turns("", conversation)[0].id
    page.keep({"turn": turn, "saved": True}, "")
    assert "Questions you kept" in page.new(request())[1]


def test_uploads_are_added_and_what_is_not_taken_is_told(page: Page, tmp_path: Path) -> None:
    good, bad = tmp_path / "new.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}\n{"title": "No text"}\n')
    bad.write_text('{"title": "Nothing else"}\n')
    ((report, box, status, *_),) = page.read([str(good)])
    assert box is None
    assert "new.jsonl:2" in report
    assert "7 papers" in status
    ((refused, *_),) = page.read([str(bad)])
    assert "Nothing was added" in refused
    assert "bad.jsonl:1" in refused
    assert "<mark>" in ask(page, "which papers are about newts in ponds?")[-1][2]


def test_an_empty_library_offers_the_sample_and_is_filled_while_the_page_is_open(
    settings: Settings, tmp_path: Path
) -> None:
    fake = WordEncoder()
    desk = Desk(settings, fake, lambda s: Assistant(Library.open(s.library, s, fake), s))
    page = Page(desk)
    *where, _, sample, _ = page.load(request())
    assert "This library is empty" in where[1]
    assert sample["visible"] is True
    assert not settings.library.exists()
    pages = tmp_path / "one.jsonl"
    pages.write_text('{"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}\n')
    ((_, _, status, sample, _),) = page.read([str(pages)])
    assert sample["visible"] is False
    assert "1 paper ·" in status
    assert desk.notes.kept
    desk.close()


def test_a_model_is_named_priced_and_shown_at_work(path: Path, settings: Settings, encoder: WordEncoder) -> None:
    desk = Desk(settings, encoder, lambda wanted: Assistant(Library.open(path, wanted, encoder), wanted, chat=script()))
    page = Page(desk)
    assert "model scripted" in page.load(request())[4]
    assert "At most about" in app._price(desk, "Automatic", "Thorough")
    assert "No cost" in app._price(desk, "Quotes only", "Thorough")
    *on_the_way, last = ask(page, QUESTION)
    assert any("Checking every quote" in shown[3] for shown in on_the_way)
    assert "written by scripted" in last[2]
    assert "Taken out: 0" in last[2]
    assert "proposes" in last[2]
    assert "4 calls" in last[2]
    desk.close()


def test_a_filter_leaves_papers_out_and_is_shown(page: Page) -> None:
    last = ask(page, HESSIAN, only="year >= 2023")[-1]
    assert "only papers where year &gt;= 2023" in last[2]
    conversation = last[1]
    answer = page.desk.last_answer("", conversation)
    assert answer is not None
    assert {citation.paper.year for citation in answer.citations} <= {2023}
    assert "cannot read the filter" in ask(page, HESSIAN, only="year >> 3")[-1][2]


def test_a_paper_is_removed_for_good(page: Page) -> None:
    paper = next(iter(page.desk.assistant.library.store.every_paper()))
    status, *_, listed = page.drop(event(paper=paper.id))
    assert "5 papers" in status
    assert paper.title not in listed
    with pytest.raises(gr.Error, match="no paper with the id"):
        page.drop(event(paper=paper.id))


def test_the_papers_of_the_last_answer_are_compared(page: Page) -> None:
    assert "Ask something first" in page.table("year", None, request())
    conversation = ask(page, HESSIAN)[-1][1]
    made = page.table("Hessian, bits", conversation, request())
    answer = page.desk.last_answer("", conversation)
    assert answer is not None
    assert made.count('<th scope="row"') == len(answer.citations)
    assert answer.citations[0].quotes[0].text in made
    with pytest.raises(gr.Error, match="columns"):
        page.table(",", conversation, request())


def test_the_map_points_out_what_the_last_answer_cites(page: Page) -> None:
    conversation = ask(page, HESSIAN)[-1][1]
    drawn = page.map(conversation, request())
    answer = page.desk.last_answer("", conversation)
    assert answer is not None
    assert drawn.count('class="cited"') == len(answer.citations)
    assert answer.citations[0].paper.title in page.point(event(paper=answer.citations[0].paper.id))
    assert page.point(event(paper="none")) == ""


def test_the_library_is_browsed_and_searched(page: Page) -> None:
    every, at = app._turn_page(page.desk, None, "", 0)
    assert "1 to 6 of 6" in every
    assert app._turn_page(page.desk, 1, "", at)[1] == 0
    assert app._turn_page(page.desk, None, "diffusion sampling", 0)[0].index("Diffusion") < 300


def test_where_notes_cannot_be_written_there_is_a_chat_without_history_that_says_so(
    path: Path, settings: Settings, encoder: WordEncoder
) -> None:
    (path / "notes.db").mkdir()
    desk = Desk(settings, encoder, lambda wanted: Assistant(Library.open(path, wanted, encoder), wanted))
    page = Page(desk)
    assert "history is not kept" in page.load(request())[4]
    assert "<mark>" in ask(page, HESSIAN)[-1][2]
    desk.close()


def test_the_whole_page_is_wired_to_nothing_that_others_may_call(desk: Desk) -> None:
    async def build() -> gr.Blocks:
        return app.build(desk)

    blocks = asyncio.run(build())  # Gradio makes itself a loop where none runs, and leaves it open
    assert len(blocks.fns) > 10
    assert {function.api_visibility for function in blocks.fns.values()} == {"private"}


def test_other_machines_are_let_in_with_a_password_only(path: Path) -> None:
    ended = run_module("app", "--library", path, "--host", "0.0.0.0")  # noqa: S104 (that is refused)
    assert ended.code == 2
    assert "WHICHPAPERS_PASSWORD" in ended.err
    assert ended.err.count("\n") == 1
