"""Event -> View: what each thing that a reader does on the page leads to. Nothing here knows what serves the page."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from assistant.errors import AssistantError, NoModel
from assistant.feedback import collect
from assistant.llm.open import why_not
from assistant.pile import Pile
from assistant.records import Depth, Mode
from assistant.show import shelf
from assistant.show.desk import MAX_TURNS, Desk
from assistant.show.figures import beforehand
from assistant.show.map import svg
from assistant.show.table import table
from assistant.show.turn import editing, live, thread
from ingest import IngestError
from ingest.errors import NothingReadable
from ingest.files import Located
from ingest.notes import Asked, Turn
from ingest.project import Progress

Said = Mapping[str, Any]
"""What the page's script sends."""


class Refused(AssistantError):
    """What was asked for cannot be done; the reader is told."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is at a page."""

    owner: str
    """The user who is logged in, or "" where nobody logs in."""
    session: str = ""
    """Of this one page."""


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows of a conversation."""

    conversation: int | None
    """Its id; None before its first question."""
    thread: str
    """The turns that are over."""
    now: str
    """The turn that is not."""
    kept: str
    """The conversations of its reader."""
    editing: int | None = None
    """The turn in whose place the next question will be asked; None to ask it after all others."""


@dataclass(frozen=True, slots=True)
class State:
    """What depends on the library alone."""

    status: str
    papers: str
    """The first page of its list."""
    sources: str
    """A choice of where its papers were seen."""


class Page:
    """The chat over one desk. Used by several threads."""

    def __init__(self, desk: Desk) -> None:
        """Shows what is on `desk`."""
        self.desk = desk
        self._running: dict[str, threading.Event] = {}
        """What stops the answer that a session waits for, by session."""

    # --- the conversation ----------------------------------------------------------------------------------------

    def ask(self, who: Reader, conversation: int | None, asked: Asked, instead_of: int | None = None) -> Iterator[View]:
        """Answers a question; shows how far it is, and at last the whole conversation.

        Args:
            who: Asks.
            conversation: Which it joins; None begins one.
            asked: The question.
            instead_of: The turn whose place it takes: that one, and all after it, go.

        Raises:
            Refused: There is no question, or no such turn, or this session waits for an answer.
        """
        self._wait_for_none(who)
        if not asked.question.strip():
            raise Refused("Ask something first.")
        if instead_of is not None:
            conversation = self._turn(who.owner, instead_of).conversation
            self.desk.notes.cut(who.owner, instead_of)
        turns, earlier = self.desk.shown(who.owner, conversation)
        before = thread(turns, conversation, earlier) if turns else ""
        turn = self.desk.notes.ask(who.owner, conversation, asked)
        kept = shelf.conversations(self.desk.notes.conversations(who.owner), turn.conversation)
        stopped = self._running[who.session] = threading.Event()
        try:
            for progress, seconds in self.desk.answer(who.owner, turn, stopped):
                yield View(turn.conversation, before, live(asked.question, progress, seconds), kept)
        finally:
            if self._running.get(who.session) is stopped:
                del self._running[who.session]
        yield self.opened(who.owner, turn.conversation)

    def stop(self, who: Reader) -> None:
        """Gives up the answer that this session waits for."""
        if stopped := self._running.get(who.session):
            stopped.set()

    def again(self, who: Reader, turn: int, mode: str, depth: str) -> Iterator[View]:
        """Asks a turn's question again in its place: of the same papers, as deeply and of whom is set now."""
        found = self._turn(who.owner, turn)
        yield from self.ask(who, found.conversation, replace(found.asked, mode=mode, depth=depth), turn)

    def edit(self, who: Reader, turn: int) -> tuple[Asked, View]:
        """A turn's question, to be written anew; nothing goes before it is asked."""
        self._wait_for_none(who)
        found = self._turn(who.owner, turn)
        view = self.opened(who.owner, found.conversation)
        return found.asked, replace(view, now=editing(found.asked.question), editing=turn)

    def _wait_for_none(self, who: Reader) -> None:
        if who.session in self._running:
            raise Refused("An answer is being made. Wait for it, or stop it, and then go on.")

    def _turn(self, owner: str, turn: int) -> Turn:
        found = self.desk.notes.turn(owner, turn)
        if found is None:
            raise Refused("This question is gone.")
        return found

    def choose(self, who: Reader, conversation: int | None) -> View:
        """Another conversation, or an empty one.

        Raises:
            Refused: This session waits for an answer, which would take its place.
        """
        self._wait_for_none(who)
        return self.opened(who.owner, conversation)

    def opened(self, owner: str, conversation: int | None, *, whole: bool = False) -> View:
        """A conversation, or the last of it; an empty one where it is None or not the owner's."""
        notes, count = self.desk.notes, len(self.desk)
        if conversation is not None and not notes.owns(owner, conversation):
            conversation = None
        turns, earlier = self.desk.shown(owner, conversation, None if whole else MAX_TURNS)
        if not count:
            shown = shelf.empty(str(self.desk.settings.library))
        elif not turns:
            shown = shelf.welcome(count, self.desk.whole.examples(), notes.saved_questions(owner))
        else:
            shown = ""
        kept = shelf.conversations(notes.conversations(owner), conversation)
        return View(conversation, shown + thread(turns, conversation, earlier), "", kept)

    def remove(self, who: Reader, removed: int, conversation: int | None) -> View:
        """Removes a conversation; the one that is shown stays, if it is another. Refused as in `choose`."""
        self._wait_for_none(who)
        self.desk.notes.remove(who.owner, removed)
        return self.opened(who.owner, conversation)

    def state(self, query: str = "") -> State:
        """What is told of the library, whose papers are looked up by `query`."""
        desk = self.desk
        model = desk.assistant.model if len(desk) else None
        kept = desk.notes.kept or not len(desk)
        status = shelf.status(len(desk), model, why_not(desk.settings), kept=kept)
        return State(status, desk.browse(query, 0), shelf.sources(self.sources()))

    def sources(self) -> Sequence[str]:
        """Where the library's papers were seen, the places with most papers first."""
        return self.desk.whole.sources() if len(self.desk) else ()

    def beforehand(self, asked: Asked) -> str:
        """How many papers a question will be put to and looked at, and what that will take at most, in words."""
        if not len(self.desk):
            return ""
        assistant, where = self.desk.assistant, asked.filter or None
        mode, depth = cast(Mode, asked.mode), cast(Depth, asked.depth)
        try:
            usage = assistant.price(mode, depth, where)
        except NoModel:
            return shelf.quiet("There is no language model: “Automatic” and “Quotes only” do without.")
        papers = Pile.of(assistant.library, where).about.papers
        return shelf.quiet(beforehand(papers, len(self.desk), depth, usage))

    # --- what its buttons ask for --------------------------------------------------------------------------------

    def rate(self, said: Said, owner: str) -> bool:
        """Keeps a judgement on an answer, or on a paper that it cites."""
        good = {"yes": True, "no": False}.get(str(said["value"]))
        return self.desk.notes.rate(owner, int(said["turn"]), str(said["paper"])[:500], good=good)

    def keep(self, said: Said, owner: str) -> bool:
        """Keeps a question at hand, or no more."""
        turn = self.desk.notes.turn(owner, int(said["turn"]))
        if turn:
            self.desk.notes.save_question(owner, turn.asked.question, saved=bool(said["saved"]))
        return turn is not None

    def file(self, said: Said, owner: str) -> list[str] | None:
        """An answer as a file: its name, and what it holds in Base64."""
        found = self.desk.file(owner, int(said["turn"]), str(said["form"]))
        return [found[0], b64encode(found[1]).decode()] if found else None

    def ratings(self, _said: Said, owner: str) -> list[str]:
        """All judgements of this person, as evaluation cases: a file as `file` gives it."""
        found = collect(self.desk.notes, self.desk.assistant.library, owner).lines() if len(self.desk) else ""
        return ["rated-cases.jsonl", b64encode(found.encode()).decode()]

    # --- table, map and library ----------------------------------------------------------------------------------

    def table(self, owner: str, conversation: int | None, columns: str) -> str:
        """The papers of the last answer, compared."""
        answer = self.desk.last_answer(owner, conversation)
        if answer is None or not answer.citations:
            return shelf.quiet("Ask something first: the table compares the papers of the last answer.")
        return table(self.desk.table(answer, columns))

    def map(self, owner: str, conversation: int | None) -> str:
        """The map, with the papers of the last answer pointed out."""
        if not len(self.desk):
            return shelf.quiet("There is nothing to draw yet.")
        answer = self.desk.last_answer(owner, conversation)
        return svg(self.desk.whole.map(), {c.paper.id: c.number for c in answer.citations} if answer else {})

    def point(self, paper_id: str) -> str:
        """The paper of a point."""
        paper = self.desk.paper(paper_id)
        return shelf.entry(paper, opened=True) if paper else ""

    def read(self, paths: Sequence[Path | str | Located], progress: Progress) -> str:
        """Adds files to the library; what became of them."""
        try:
            return shelf.report(self.desk.read(paths, progress))
        except NothingReadable as error:
            return shelf.refused("No paper was found in what you gave.", error.rejections)
        except IngestError as error:
            return shelf.refused(str(error))

    def turned(self, query: str, at: int, step: int) -> tuple[str, int]:
        """The list of papers `step` pages on from page `at`, and which page that is; the same where there is none."""
        wanted = max(0, at + step)
        listed = self.desk.browse(query, wanted)
        return (listed, wanted) if "<li>" in listed or wanted == 0 else (self.desk.browse(query, at), at)
