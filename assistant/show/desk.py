"""Library and notes -> what a page asks of them: the one place where a chat's state lives. Used by several threads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from assistant import bundle
from assistant.assistant import Assistant
from assistant.errors import AssistantError
from assistant.records import Answer, Depth, Event, Mode
from assistant.show import shelf
from assistant.show.exports import FORMS
from assistant.show.pace import paced
from assistant.show.plain import plain
from assistant.show.turn import Progress, Shown
from assistant.show.whole import Whole
from assistant.table import MAX_COLUMNS, Table, parse_columns
from assistant.transcript import Transcript
from assistant.understand import understand
from ingest import IngestError, IngestReport, Library, Paper, Settings, ingest
from ingest.encode import Encoder
from ingest.errors import LibraryEmpty, LibraryMissing, LibraryReadOnly
from ingest.files import Located
from ingest.notes import UNFINISHED, Asked, Notes, Turn
from ingest.project import Progress as Report

MAX_HISTORY_TURNS = 10
MAX_TURNS = 20
"""Of a conversation, shown unless all are asked for: what a page holds must not grow without end."""
STOPPED = "You stopped this answer. What was written until then had not been checked, so it is not shown."
LOST = "This answer was not finished: the page was closed, or the program ended. You can ask again."


class Desk:
    """A library that may still be empty, its assistant, and its notes."""

    def __init__(
        self,
        settings: Settings,
        encoder: Encoder | None = None,
        opened: Callable[[Settings], Assistant] = lambda settings: Assistant.open(settings=settings),
    ) -> None:
        """Opens the library that `settings` name, if it is there.

        Args:
            settings: For the library and its assistant.
            encoder: Used for what is added, instead of the one that `settings` name.
            opened: Opens an assistant.

        Raises:
            IngestError: It is there and cannot be opened.
        """
        self.settings = settings
        self.notes = Notes(None)
        self._encoder, self._opened = encoder, opened
        self._assistant: Assistant | None = None
        self._whole: Whole | None = None
        self._lock = threading.Lock()
        self.open()

    def open(self) -> None:
        """Opens the library and its notes, unless it is open or holds nothing yet."""
        if self._assistant is not None:
            return
        try:
            self._assistant = self._opened(self.settings)
        except (LibraryMissing, LibraryEmpty):
            return
        self._whole = Whole(self._assistant.library)
        with suppress(LibraryReadOnly):  # they stay in memory, and `notes.kept` says so
            self.notes = Notes(self.settings.library / "notes.db")

    def close(self) -> None:
        """Lets go of library and notes."""
        if self._assistant is not None:
            self._assistant.close()
        self.notes.close()

    @property
    def assistant(self) -> Assistant:
        """Of the library, which must not be empty.

        Raises:
            LibraryEmpty: It is.
        """
        if self._assistant is None:
            raise LibraryEmpty(self.settings.library)
        return self._assistant

    @property
    def whole(self) -> Whole:
        """What is made of all papers of the library, which must not be empty; see `assistant`."""
        if self._whole is None:
            raise LibraryEmpty(self.settings.library)
        return self._whole

    def __len__(self) -> int:
        """Papers in the library."""
        return len(self._assistant.library) if self._assistant else 0

    # --- questions -----------------------------------------------------------------------------------------------

    def answer(self, owner: str, turn: Turn, stopped: threading.Event) -> Iterator[tuple[Progress, float]]:
        """Answers a turn, and notes what became of it.

        Args:
            owner: Whose turn it is.
            turn: As `notes.ask` gave it.
            stopped: Once set, the answer is given up.

        Yields:
            How far it is, and the seconds since it began; something at least every BEAT_S.
        """
        began, progress, told = time.monotonic(), Progress(), Transcript()
        try:
            for event in paced(self._stream(turn.asked, self._history(owner, turn), told), stopped):
                if isinstance(event, Answer):
                    self._finish(turn, event, told)
                    return
                progress = progress.after(event) if event else progress
                yield progress, time.monotonic() - began
            self.notes.finish(turn.id, None, STOPPED)
        except (AssistantError, IngestError) as error:
            self.notes.finish(turn.id, None, plain(error))
        finally:
            stopped.set()

    def _stream(self, asked: Asked, history: Sequence[Mapping[str, str]], told: Transcript) -> Iterator[Event]:
        mode, depth = cast(Mode, asked.mode), cast(Depth, asked.depth)  # checked by stream itself
        return self.assistant.transcribed(told).stream(asked.question, history, mode, depth, asked.filter or None)

    def _finish(self, turn: Turn, answer: Answer, told: Transcript) -> None:
        self.notes.finish(turn.id, json.dumps(answer.to_dict(), ensure_ascii=False))
        with suppress(bundle.BundleUnwritten), TemporaryDirectory() as folder:  # then there is none to take away
            path = Path(folder) / "bundle.zip"
            bundle.write(bundle.of(told, answer), path, self.settings.api_key)
            self.notes.keep_bundle(turn.id, path.read_bytes())

    def _history(self, owner: str, turn: Turn) -> list[Mapping[str, str]]:
        before = [t for t in self.notes.turns(owner, turn.conversation) if t.id < turn.id and t.answer]
        history: list[Mapping[str, str]] = []
        for one in before[-MAX_HISTORY_TURNS:]:
            history.append({"role": "user", "content": one.asked.question})
            history.append({"role": "assistant", "content": json.loads(one.answer or "{}")["text"]})
        return history

    def shown(self, owner: str, conversation: int | None, most: int | None = MAX_TURNS) -> tuple[list[Shown], int]:
        """The last turns of a conversation, with all that their articles tell; and how many were before them."""
        turns = self.notes.turns(owner, conversation) if conversation is not None else []
        last = turns if most is None else turns[-most:]
        saved = set(self.notes.saved_questions(owner))
        return [self._shown(turn, saved) for turn in last], len(turns) - len(last)

    def _shown(self, turn: Turn, saved: Iterable[str]) -> Shown:
        answer = Answer.from_dict(json.loads(turn.answer)) if turn.answer else None
        ending = LOST if turn.ending == UNFINISHED else turn.ending
        papers = self.papers_of(answer) if answer else {}
        ratings = self.notes.ratings(turn.id)
        return Shown(turn.id, turn.asked, answer, ending, papers, ratings, turn.asked.question in saved)

    def last_answer(self, owner: str, conversation: int | None) -> Answer | None:
        """The last answer of a conversation."""
        turns = self.notes.turns(owner, conversation) if conversation is not None else []
        last = next((turn.answer for turn in reversed(turns) if turn.answer), None)
        return Answer.from_dict(json.loads(last)) if last else None

    def file(self, owner: str, turn: int, form: str) -> tuple[str, bytes] | None:
        """An answer as a file: its name and what it holds; None where there is no such turn of the owner's, or form.

        Args:
            owner: Whose turn it is.
            turn: Its id.
            form: A name in `exports.FORMS`, or "bundle".
        """
        found = self.notes.turn(owner, turn)
        if form == "bundle":
            kept = self.notes.bundle(owner, turn)
            return (f"answer-{turn}.zip", kept) if kept else None
        if found is None or found.answer is None or form not in FORMS:
            return None
        answer = Answer.from_dict(json.loads(found.answer))
        text = FORMS[form].write(answer, self.papers_of(answer)).rstrip("\n")
        return f"answer-{turn}.{FORMS[form].ending}", f"{text}\n".encode()

    # --- the library ---------------------------------------------------------------------------------------------

    def read(self, paths: Sequence[Path | str | Located], progress: Report | None = None) -> IngestReport:
        """Adds papers to the library. See `ingest`."""
        with self._lock:
            report = ingest(paths, settings=self.settings, encoder=self._used(), progress=progress)
            self.open()
        self.assistant.library.refresh()
        return report

    def remove(self, paper_id: str) -> None:
        """Removes a paper from the library for good. See `Library.remove`."""
        with self._lock, Library.open_to_write(self.settings.library, self.settings, self._used()) as writer:
            writer.remove([paper_id])
            writer.catch_up()
        self.assistant.library.refresh()

    def table(self, answer: Answer, columns: str) -> Table:
        """What the papers of an answer say of each column; of what was asked, if `columns` is empty.

        See `Assistant.tabulated`.
        """
        put = answer.trace.settings
        mode, depth = cast(Mode, put["mode"]), cast(Depth, put["depth"])
        asked = parse_columns(columns) if columns.strip() else understand(answer.standalone_question).aspects
        return self.assistant.tabulated(answer, asked[:MAX_COLUMNS], mode, depth)

    def _used(self) -> Encoder | None:
        return self._assistant.library.encoder if self._assistant else self._encoder

    def papers_of(self, answer: Answer) -> dict[str, Paper]:
        """The library's papers that an answer cites, by id."""
        found = self.assistant.library.papers(citation.paper.id for citation in answer.citations)
        return {paper.id: paper for paper in found}

    def paper(self, paper_id: str) -> Paper | None:
        """The library's paper with this id."""
        return next(iter(self.assistant.library.papers([paper_id])), None)

    def browse(self, query: str, page: int) -> str:
        """A page of the library, from 0: by title, or nearest to a query."""
        if not len(self):
            return ""
        first = max(0, page) * shelf.PAGE
        total: int | None
        if query.strip():
            hits = self.assistant.search(query, first + shelf.PAGE)
            found, total = [hit.paper for hit in hits[first:]], None
        else:
            ids = self.whole.titles()
            found, total = list(self.assistant.library.papers(ids[first : first + shelf.PAGE])), len(ids)
        return shelf.papers(found, first, total, query)
