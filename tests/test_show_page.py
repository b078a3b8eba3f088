"""What each thing that a reader does on the page leads to."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.bundle import read
from assistant.errors import BadOption
from assistant.replay import replay
from assistant.show.desk import MAX_TURNS, Desk
from assistant.show.exports import FORMS
from assistant.show.narrow import Narrowing
from assistant.show.page import Page, Reader, Refused, View
from assistant.show.plain import plain
from assistant.show.wire import uploaded
from ingest import Library, Settings
from ingest.errors import BadFilter, IngestError
from ingest.notes import Asked
from tests.fakes import ScriptedChat, WordEncoder
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


def ask(page: Page, question: str, conversation: int | None = None, owner: str = "", only: str = "") -> list[View]:
    return list(page.ask(Reader(owner), conversation, Asked(question, filter=only)))


def first_turn(page: Page, view: View) -> int:
    return page.desk.notes.turns("", view.conversation or 0)[0].id


def test_an_answer_comes_with_its_stages_and_ends_in_the_thread(page: Page) -> None:
    *on_the_way, last = ask(page, HESSIAN)
    assert any("Judging" in view.now for view in on_the_way)
    assert last.now == ""
    assert f'data-conversation="{last.conversation}"' in last.thread
    assert "<mark>" in last.thread
    assert HESSIAN in last.kept


def test_a_follow_up_joins_its_conversation_and_knows_what_went_before(page: Page) -> None:
    before = ask(page, HESSIAN)[-1]
    *on_the_way, last = ask(page, "and which of them keep accuracy at 3 bits?", before.conversation)
    assert last.conversation == before.conversation
    assert {view.thread for view in on_the_way} == {before.thread}
    assert last.thread.count("<article") == 2
    assert page.desk.notes.turns("", last.conversation or 0)[0].asked.question == HESSIAN


def test_a_conversation_is_there_again_after_a_restart(page: Page, desk: Desk, settings: Settings) -> None:
    conversation = ask(page, HESSIAN)[-1].conversation
    desk.close()
    again = Desk(settings, WordEncoder(), lambda s: Assistant(Library.open(s.library, s, WordEncoder()), s))
    shown = Page(again).opened("", conversation)
    again.close()
    assert shown.conversation == conversation
    assert "<mark>" in shown.thread


def test_of_a_long_conversation_the_last_questions_are_shown_and_all_on_demand(page: Page, desk: Desk) -> None:
    conversation = None
    for n in range(MAX_TURNS + 2):
        turn = desk.notes.ask("", conversation, Asked(f"question {n}"))
        conversation = turn.conversation
    view = page.opened("", conversation)
    assert view.thread.count("<article") == MAX_TURNS
    assert f'2 earlier questions: <a href="?c={conversation}&amp;all=1">' in view.thread
    assert page.opened("", conversation, whole=True).thread.count("<article") == MAX_TURNS + 2


def test_a_conversation_that_is_not_there_opens_an_empty_one(page: Page) -> None:
    for wanted in (None, 99, -1, 10**18 - 1):
        shown = page.opened("", wanted)
        assert shown.conversation is None
        assert "What would you like to know from 6 papers?" in shown.thread


def test_an_empty_question_is_told_not_asked(page: Page) -> None:
    with pytest.raises(Refused, match="Ask something"):
        ask(page, "  ")
    assert page.desk.notes.conversations("") == []


def test_a_refused_question_is_told_in_the_thread(page: Page) -> None:
    *_, last = page.ask(Reader(""), None, Asked(HESSIAN, "llm", "quick"))
    assert "needs a language model" in last.thread
    assert "“Automatic” and “Quotes only” do without" in last.thread
    assert "mode &#x27;" not in last.thread
    assert "“Quotes only” do without" in page.beforehand(Asked("", "llm"))
    assert "cannot read the filter" in ask(page, HESSIAN, only="year >> 3")[-1].thread


def test_asking_again_replaces_a_turn_and_all_after_it_and_asks_the_same_papers(page: Page) -> None:
    view = ask(page, HESSIAN, only="year >= 2023")[-1]
    ask(page, "which papers study diffusion?", view.conversation)
    *_, last = page.again(Reader(""), first_turn(page, view), "auto", "quick")
    (turn,) = page.desk.notes.turns("", view.conversation or 0)
    assert turn.asked == Asked(HESSIAN, "auto", "quick", "year >= 2023")
    assert last.thread.count("<article") == 1


def test_an_edited_question_takes_its_place_and_loses_nothing_before_it_is_asked(page: Page) -> None:
    view = ask(page, HESSIAN, only="year >= 2023")[-1]
    ask(page, "which papers study diffusion?", view.conversation)
    turn = first_turn(page, view)
    asked, edited = page.edit(Reader(""), turn)
    assert (asked.question, asked.filter) == (HESSIAN, "year >= 2023")
    assert (edited.editing, edited.thread.count("<article")) == (turn, 2)
    assert HESSIAN in edited.now
    assert len(page.desk.notes.turns("", view.conversation or 0)) == 2
    with pytest.raises(Refused, match="Ask something"):
        list(page.ask(Reader(""), view.conversation, Asked(" "), turn))
    *_, last = page.ask(Reader(""), None, Asked("which papers quantize?"), turn)
    assert [one.asked.question for one in page.desk.notes.turns("", view.conversation or 0)] == [
        "which papers quantize?"
    ]
    assert (last.conversation, last.editing) == (view.conversation, None)
    with pytest.raises(Refused, match="gone"):
        page.edit(Reader(""), turn)


def test_stopping_ends_the_answer_of_this_session_alone(page: Page) -> None:
    other = page.ask(Reader("", "other"), None, Asked(HESSIAN))
    next(other)
    mine = page.ask(Reader("", "mine"), None, Asked(HESSIAN))
    next(mine)
    page.stop(Reader("", "mine"))
    *_, last = mine
    assert "You stopped this answer" in last.thread
    *_, finished = other
    assert "<mark>" in finished.thread


def test_while_an_answer_is_made_its_session_goes_nowhere_else(page: Page) -> None:
    before = ask(page, HESSIAN)[-1]
    turn, me = first_turn(page, before), Reader("", "mine")
    running = page.ask(me, None, Asked(HESSIAN))
    next(running)
    elsewhere = (
        lambda: page.choose(me, before.conversation),
        lambda: page.remove(me, before.conversation or 0, None),
        lambda: page.edit(me, turn),
        lambda: list(page.again(me, turn, "auto", "quick")),
        lambda: list(page.ask(me, None, Asked("which papers prune?"))),
    )
    for go in elsewhere:
        with pytest.raises(Refused, match="An answer is being made"):
            go()
    assert page.choose(Reader("", "other"), before.conversation).thread == before.thread
    *_, last = running
    assert page.choose(me, before.conversation).thread == before.thread
    assert last.conversation != before.conversation


def test_nobody_opens_rates_exports_or_removes_what_another_asked(page: Page) -> None:
    conversation = ask(page, HESSIAN, owner="ann")[-1].conversation or 0
    turn = page.desk.notes.turns("ann", conversation)[0].id
    assert "<article" not in page.opened("bob", conversation).thread
    assert not page.rate({"turn": turn, "paper": "", "value": "yes"}, "bob")
    for form in ("markdown", "bundle"):
        assert page.file({"turn": turn, "form": form}, "bob") is None
        assert page.file({"turn": turn, "form": form}, "ann")
    with pytest.raises(Refused):
        page.edit(Reader("bob"), turn)
    page.remove(Reader("bob"), conversation, None)
    assert page.desk.notes.turns("ann", conversation)


@pytest.mark.parametrize("form", [*FORMS, "bundle"])
def test_an_answer_is_given_out_in_every_form(page: Page, tmp_path: Path, form: str) -> None:
    turn = first_turn(page, ask(page, HESSIAN)[-1])
    name, content = page.file({"turn": turn, "form": form}, "") or ["", ""]
    (tmp_path / name).write_bytes(base64.b64decode(content))
    if form == "bundle":
        assert replay(read(tmp_path / name)).question == HESSIAN
    else:
        assert "Mixed Precision from Hessian Traces" in (tmp_path / name).read_text("utf-8")


def test_judgements_are_kept_shown_and_given_out_as_cases(page: Page) -> None:
    view = ask(page, HESSIAN)[-1]
    turn, answer = first_turn(page, view), page.desk.last_answer("", view.conversation)
    assert answer is not None
    cited = answer.citations[0].paper
    assert page.rate({"turn": turn, "paper": cited.id, "value": "yes"}, "")
    assert f'data-rate="yes" data-paper="{cited.id}" aria-pressed="true"' in page.opened("", view.conversation).thread
    name, content = page.ratings({}, "")
    assert name.endswith(".jsonl")
    assert cited.title in base64.b64decode(content).decode()
    page.rate({"turn": turn, "paper": cited.id, "value": "none"}, "")
    assert page.ratings({}, "")[1] == ""


def test_a_kept_question_is_offered_in_an_empty_conversation(page: Page) -> None:
    turn = first_turn(page, ask(page, HESSIAN)[-1])
    page.keep({"turn": turn, "saved": True}, "")
    assert "Questions you kept" in page.opened("", None).thread


def test_uploads_are_added_and_what_is_not_taken_is_told(page: Page, tmp_path: Path) -> None:
    good, bad = tmp_path / "new.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}\n{"title": "No text"}\n')
    bad.write_text('{"title": "Nothing else"}\n')
    assert "new.jsonl:2" in page.read([str(good)], lambda _at, _of: None)
    assert "7 papers" in page.state().status
    assert 'new.jsonl"></option>' in page.state().sources
    refused = page.read([str(bad)], lambda _at, _of: None)
    assert "Nothing was added" in refused
    assert "bad.jsonl:1" in refused
    assert "<mark>" in ask(page, "which papers are about newts in ponds?")[-1].thread


def test_an_upload_is_called_by_its_name(page: Page, tmp_path: Path) -> None:
    pages = tmp_path / "a089c" / "new.jsonl"
    pages.parent.mkdir()
    pages.write_text('{"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}\n')
    page.read(uploaded([str(pages)]), lambda _at, _of: None)
    assert 'value="new.jsonl"' in page.state().sources
    assert "a089c" not in page.state().papers + page.read(uploaded([str(pages)]), lambda _at, _of: None)


def test_an_empty_library_is_filled_while_the_page_is_open(settings: Settings, tmp_path: Path) -> None:
    fake = WordEncoder()
    desk = Desk(settings, fake, lambda s: Assistant(Library.open(s.library, s, fake), s))
    page = Page(desk)
    assert "This library is empty" in page.opened("", None).thread
    assert (page.state().papers, page.sources(), page.beforehand(Asked(""))) == ("", (), "")
    assert page.ratings({}, "")[1] == ""
    assert "nothing to draw" in page.map("", None)
    assert not settings.library.exists()
    pages = tmp_path / "one.jsonl"
    pages.write_text('{"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}\n')
    page.read([str(pages)], lambda _at, _of: None)
    assert "1 paper ·" in page.state().status
    assert desk.notes.kept
    desk.close()


@pytest.fixture
def chat() -> ScriptedChat:
    return script(table='{"cells": []}')


@pytest.fixture
def led(path: Path, settings: Settings, encoder: WordEncoder, chat: ScriptedChat) -> Iterator[Page]:
    """A page with a language model."""
    desk = Desk(settings, encoder, lambda wanted: Assistant(Library.open(path, wanted, encoder), wanted, chat=chat))
    yield Page(desk)
    desk.close()


def test_a_model_is_named_priced_and_shown_at_work(led: Page) -> None:
    assert "model scripted" in led.state().status
    *on_the_way, last = ask(led, QUESTION)
    assert any("Checking every quote" in view.now for view in on_the_way)
    assert "written by scripted" in last.thread
    assert "Taken out: 0" in last.thread
    assert "proposes" in last.thread
    assert "4 calls" in last.thread


def test_what_a_question_takes_is_told_beforehand_by_mode_depth_and_filter(led: Page) -> None:
    assert re.search(r"at most about \d+ calls ·", led.beforehand(Asked("")))
    assert "at most about 1 call ·" in led.beforehand(Asked("", depth="quick"))
    assert "6 of 6 papers · no cost" in led.beforehand(Asked("", "offline"))
    assert "3 of the 3 papers that the filter leaves" in led.beforehand(Asked("", "offline", filter="year >= 2021"))
    with pytest.raises(BadFilter):
        led.beforehand(Asked("", filter="year >> 3"))


def test_the_table_is_made_of_the_answer_that_is_shown_and_asks_no_paper_again(led: Page, chat: ScriptedChat) -> None:
    conversation = ask(led, QUESTION)[-1].conversation
    before = len(chat.asked)
    assert led.table("", conversation, "bits").count('<th scope="row"') == 2
    assert {request.stage for request in chat.asked[before:]} == {"table"}


def test_a_filter_leaves_papers_out_and_is_shown(page: Page) -> None:
    last = ask(page, HESSIAN, only="year >= 2023")[-1]
    assert "only papers where year &gt;= 2023" in last.thread
    assert "All 1 paper that the filter leaves" in last.thread
    answer = page.desk.last_answer("", last.conversation)
    assert answer is not None
    assert {citation.paper.year for citation in answer.citations} <= {2023}


@pytest.mark.parametrize(
    ("narrowing", "where"),
    [
        (Narrowing(), ""),
        (Narrowing("2020", " 2022 "), "year >= 2020 and year <= 2022"),
        (Narrowing(source="a.bib", code=True), 'source = "a.bib" and has_code'),
        (Narrowing(source='part "of" it'), "source ~ 'part \"of\" it'"),
        (Narrowing("2020", also="venue ~ acl or has_doi"), 'year >= 2020 and (venue ~ "acl" or has_doi)'),
    ],
)
def test_what_is_set_becomes_one_filter(narrowing: Narrowing, where: str) -> None:
    assert narrowing.where(["a.bib"]) == where


@pytest.mark.parametrize("narrowing", [Narrowing("20"), Narrowing(until="two"), Narrowing(also="(year")])
def test_what_makes_no_filter_is_told(narrowing: Narrowing) -> None:
    with pytest.raises(BadFilter):
        narrowing.where([])


def test_a_paper_is_removed_for_good(page: Page) -> None:
    paper = next(iter(page.desk.assistant.library.store.every_paper()))
    page.desk.remove(paper.id)
    assert "5 papers" in page.state().status
    assert paper.title not in page.state().papers
    with pytest.raises(IngestError, match="no paper with the id"):
        page.desk.remove(paper.id)


def test_the_papers_of_the_last_answer_are_compared(page: Page) -> None:
    assert "Ask something first" in page.table("", None, "year")
    conversation = ask(page, HESSIAN)[-1].conversation
    made = page.table("", conversation, "Hessian, bits")
    answer = page.desk.last_answer("", conversation)
    assert answer is not None
    assert made.count('<th scope="row"') == len(answer.citations)
    assert answer.citations[0].quotes[0].text in made
    assert 'dir="auto">Hessian</th>' in page.table("", conversation, " ")
    with pytest.raises(BadOption, match="columns") as refused:
        page.table("", conversation, ",")
    assert plain(refused.value).startswith("Name what to compare: 1 to 8 different names")


def test_the_map_points_out_what_the_last_answer_cites(page: Page) -> None:
    conversation = ask(page, HESSIAN)[-1].conversation
    drawn = page.map("", conversation)
    answer = page.desk.last_answer("", conversation)
    assert answer is not None
    assert drawn.count('class="cited"') == len(answer.citations)
    assert answer.citations[0].paper.title in page.point(answer.citations[0].paper.id)
    assert page.point("none") == ""


def test_the_library_is_browsed_and_searched(page: Page) -> None:
    every, at = page.turned("", 0, 0)
    assert "1 to 6 of 6" in every
    assert page.turned("", at, 1)[1] == 0
    assert page.turned("diffusion sampling", 0, 0)[0].index("Diffusion") < 300
    assert "1 to 6, nearest to your words first" in page.state("diffusion sampling").papers
    assert page.state("diffusion sampling").papers.index("Diffusion") < 300


def test_where_notes_cannot_be_written_there_is_a_chat_without_history_that_says_so(
    path: Path, settings: Settings, encoder: WordEncoder
) -> None:
    (path / "notes.db").mkdir()
    desk = Desk(settings, encoder, lambda wanted: Assistant(Library.open(path, wanted, encoder), wanted))
    page = Page(desk)
    assert "history is not kept" in page.state().status
    assert "<mark>" in ask(page, HESSIAN)[-1].thread
    desk.close()
