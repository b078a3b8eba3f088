"""Living answers: what is told of a saved answer when papers come, change or go, and what a model is sent for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant
from assistant.cli import main
from assistant.errors import AnswerUnreadable, BadOption, NoModel
from assistant.llm.records import ChatFailed
from assistant.news import NOT_JUDGED, News
from assistant.records import Mode
from assistant.saved import NothingSaved, SavedAnswer, load, names, of, save
from ingest import Library, Settings, ingest
from tests.conftest import SIX
from tests.fakes import ScriptedChat, WordEncoder
from tests.processes import Ended
from tests.test_by_llm import CURVATURE, QUESTION, TRACES, script, sheets

NEWER = {
    "title": "Hessian Ranges for Quantization",
    "abstract": "The Hessian decides the quantization range of each layer. Rounding by the Hessian loses accuracy"
    " at 4 bits.",
    "year": 2024,
}
OWLS = {"title": "What Owls Count", "abstract": "We count owls and mice at night.", "year": 2024}

Write = Callable[..., Path]


class Shelf:
    """A library that papers come to and go from, and one answer saved from it."""

    def __init__(self, settings: Settings, write: Write) -> None:
        self.settings, self._write = settings, write
        self.holds(*SIX)

    def holds(self, *records: dict[str, Any]) -> None:
        """Makes these the papers of the library, whatever it held."""
        path = self._write(*records)
        ingest(path, settings=self.settings, encoder=WordEncoder(), sync=True)

    def save(self, chat: ScriptedChat | None = None, mode: Mode = "offline", where: str | None = None) -> SavedAnswer:
        with self.assistant(chat) as assistant:
            answer = assistant.ask(QUESTION, mode=mode, where=where)
            save(self.settings.library, of("hessian", answer, assistant.library.store.texts()))
        return load(self.settings.library, "hessian")

    def news(self, chat: ScriptedChat | None = None, mode: Mode | None = None) -> News:
        with self.assistant(chat) as assistant:
            return assistant.news(load(self.settings.library, "hessian"), mode)

    @contextmanager
    def assistant(self, chat: ScriptedChat | None) -> Iterator[Assistant]:
        with Library.open(self.settings.library, self.settings, WordEncoder()) as library:
            yield Assistant(library, self.settings, chat)


@pytest.fixture
def shelf(settings: Settings, write_jsonl: Write) -> Shelf:
    return Shelf(settings, write_jsonl)


def test_nothing_new_is_no_news_and_asks_nobody(shelf: Shelf) -> None:
    shelf.save()
    told = shelf.news(ScriptedChat())
    assert (told.changes, told.new, told.mode, told.notices) == (0, 0, None, ())
    shelf.holds(*SIX)
    assert shelf.news().changes == 0


def test_a_new_paper_that_satisfies_the_question_is_told_and_another_is_not(shelf: Shelf) -> None:
    saved = shelf.save()
    assert {c.paper.title for c in saved.answer.citations} == {CURVATURE, TRACES}
    shelf.holds(*SIX, NEWER, OWLS)
    told = shelf.news()
    assert [found.paper.title for found in told.found] == [NEWER["title"]]
    assert all(quote.text in f"{NEWER['title']} {NEWER['abstract']}" for quote in told.found[0].quotes)
    assert (told.new, told.mode, told.changes, told.notices) == (2, "offline", 1, (NOT_JUDGED,))


def test_the_filter_holds_for_what_is_new(shelf: Shelf) -> None:
    shelf.save(where="year <= 2023")
    shelf.holds(*SIX, NEWER)
    assert (shelf.news().new, shelf.news().changes) == (0, 0)


def test_a_cited_paper_that_went_or_changed_is_told_with_the_quotes_that_were_lost(shelf: Shelf) -> None:
    saved = shelf.save()
    number = {citation.paper.title: citation.number for citation in saved.answer.citations}
    altered = {**SIX[4], "abstract": "Layers differ. We rank them by the trace of the Hessian for quantization."}
    shelf.holds(altered, *SIX[1:4], SIX[5])
    told = shelf.news()
    assert [(gone.number, gone.paper.title) for gone in told.gone] == [(number[CURVATURE], CURVATURE)]
    assert [(change.number, change.satisfies) for change in told.altered] == [(number[TRACES], True)]
    assert told.altered[0].lost
    assert all(quote.text not in altered["abstract"] for quote in told.altered[0].lost)
    assert told.found == ()


def test_a_text_that_only_bears_another_id_is_no_news(shelf: Shelf) -> None:
    shelf.save()
    shelf.holds(*({**record, "id": f"other-{n}"} for n, record in enumerate(SIX)))
    assert shelf.news().changes == 0


def test_a_model_judges_new_abstracts_alone_and_what_it_finds_contradicted_is_quoted(shelf: Shelf) -> None:
    shelf.save(script(), "llm")
    shelf.holds(*SIX, NEWER, OWLS)

    def against(prompt: str) -> str:
        key, lines = sheets(prompt)[str(NEWER["title"])]
        line = next(n for n, text in enumerate(lines) if "loses accuracy" in text)
        real = {"sentence": 1, "paper": key, "line": line}
        return json.dumps({"contradictions": [real, real, {**real, "paper": 99}, {**real, "sentence": 99}]})

    def judge(prompt: str) -> str:
        key = sheets(prompt)[str(NEWER["title"])][0]
        return json.dumps({"papers": [{"paper": key, "meets": [1, 2], "role": "uses", "sentences": [1]}]})

    chat = script(judge=judge, contradict=against, answer_list="1: It decides ranges by the Hessian. [1.1]")
    told = shelf.news(chat)
    assert (told.mode, told.new, told.notices) == ("llm", 2, ())
    assert [found.paper.title for found in told.found] == [NEWER["title"]]
    (contradicted,) = told.contradicted
    assert contradicted.paper.title == NEWER["title"]
    assert contradicted.quote.text == "Rounding by the Hessian loses accuracy at 4 bits."
    sent = "".join(chat.prompts("judge") + chat.prompts("contradict"))
    assert NEWER["title"] in sent
    assert all(f"{record['title']}\n" not in sent for record in SIX)


def test_where_the_model_fails_the_news_is_made_without_it_and_says_so(shelf: Shelf) -> None:
    shelf.save(script(), "auto")
    shelf.holds(*SIX, NEWER)
    down = script(contradict=ChatFailed("unreachable", "no answer"))
    told = shelf.news(down)
    assert (told.mode, [found.paper.title for found in told.found]) == ("offline", [NEWER["title"]])
    assert told.notices[0].startswith("the language model took no part (unreachable")
    with pytest.raises(ChatFailed):
        shelf.news(down, "llm")
    with pytest.raises(NoModel):
        shelf.news(None, "llm")


def test_a_saved_answer_is_what_it_was(shelf: Shelf) -> None:
    saved = shelf.save(where="year >= 2000")
    assert (saved.name, saved.mode, saved.depth, saved.where) == ("hessian", "offline", "thorough", "year >= 2000")
    assert (saved.answer.question, len(saved.known)) == (QUESTION, 6)
    assert names(shelf.settings.library) == ("hessian",)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 81, "x.", "con\n", "-x"])
def test_a_name_that_can_be_no_file_is_refused(shelf: Shelf, name: str) -> None:
    saved = shelf.save()
    with pytest.raises(BadOption, match="--save"):
        save(shelf.settings.library, SavedAnswer(name, "offline", "thorough", None, saved.answer, saved.known))
    with pytest.raises(NothingSaved, match="saved are: hessian"):
        load(shelf.settings.library, name)


@pytest.mark.parametrize("content", ["", "{}", "[" * 10_000, '{"name": 1}', "\0"])
def test_a_damaged_file_is_a_clear_line(shelf: Shelf, content: str) -> None:
    shelf.save()
    (shelf.settings.library / "saved" / "hessian.json").write_text(content)
    with pytest.raises(AnswerUnreadable) as raised:
        load(shelf.settings.library, "hessian")
    assert "\n" not in str(raised.value)


def test_the_commands(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("ingest.library.open_encoder", lambda _: WordEncoder())

    def run(*arguments: str) -> Ended:
        library = str(shelf.settings.library)
        monkeypatch.setattr(sys, "argv", ["whichpapers", *arguments, "--library", library])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    nothing = run("news")
    assert (nothing.code, nothing.out) == (0, "")
    assert "whichpapers ask QUESTION --save NAME" in nothing.err
    assert run("ask", QUESTION, "--save", "../x").code == 2
    assert run("ask", QUESTION, "--save", "hessian").code == 0
    shelf.holds(*SIX, NEWER)
    told = run("news", "hessian")
    assert told.code == 0
    assert told.out.splitlines()[:2] == [
        f"hessian: {QUESTION} (1 new abstract judged without a language model; 1 change)",
        f"  new: {NEWER['title']}",
    ]
    (as_json,) = json.loads(run("news", "--format", "json", "--seen").out)
    assert (as_json["schema"], as_json["new"], as_json["found"][0]["paper"]["title"]) == (1, 1, NEWER["title"])
    assert run("news").out == f"hessian: {QUESTION} (no new abstracts; no changes)\n"
    shelf.holds(*SIX)
    for seen in ((), ("--seen",)):
        gone = run("news", *seen).out.splitlines()
        assert gone == [f"hessian: {QUESTION} (no new abstracts; 1 change)", f"  gone: {NEWER['title']}"]
    assert run("news").out == f"hessian: {QUESTION} (no new abstracts; no changes)\n"
    unknown = run("news", "nobody")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)
