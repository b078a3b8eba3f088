"""Library and notes -> what a page asks of them: the one place where a chat's state lives. Used by several threads."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from assistant.ask import Assistant
from assistant.errors import AssistantError
from assistant.records import Answer, Depth, Event, Mode
from assistant.show import exports, shelf
from assistant.show.map import MAX_POINTS, Atlas, atlas
from assistant.show.topics import examples
from assistant.show.turn import Progress, Shown
from assistant.table import Table, parse_columns
from ingest import IngestError, IngestReport, Library, Paper, Settings, ingest
from ingest.encode import Encoder
from ingest.errors import LibraryEmpty, LibraryMissing, LibraryReadOnly
from ingest.notes import UNFINISHED, Asked, Notes, Turn
from ingest.project import Progress as Report

T = TypeVar("T")

BEAT_S = 0.2
"""How long an answer's progress is shown unchanged at most."""
MAX_HISTORY_TURNS = 10
MAX_EXAMPLE_PAPERS = 3_000
"""Papers that examples are drawn from."""
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
        self._lock = threading.Lock()
        self._made: dict[str, tuple[str | None, Any]] = {}
        """What was made of all papers, by name, and which state of the library it is of."""
        self._making = {name: threading.Lock() for name in ("titles", "examples", "map")}
        self.open()

    def open(self) -> None:
        """Opens the library and its notes, unless it is open or holds nothing yet."""
        if self._assistant is not None:
            return
        try:
            self._assistant = self._opened(self.settings)
        except (LibraryMissing, LibraryEmpty):
            return
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
        began, progress = time.monotonic(), Progress()
        try:
            events = self._stream(turn.asked, self._history(owner, turn))
            for event in paced(events, stopped):
                if isinstance(event, Answer):
                    self.notes.finish(turn.id, json.dumps(event.to_dict(), ensure_ascii=False))
                elif event is not None:
                    progress = progress.after(event)
                yield progress, time.monotonic() - began
            if stopped.is_set():
                self.notes.finish(turn.id, None, STOPPED)
        except (AssistantError, IngestError) as error:
            self.notes.finish(turn.id, None, str(error))
        finally:
            stopped.set()

    def _stream(self, asked: Asked, history: Sequence[Mapping[str, str]]) -> Iterator[Event]:
        mode, depth = cast(Mode, asked.mode), cast(Depth, asked.depth)  # checked by stream itself
        return self.assistant.stream(asked.question, history, mode, depth, asked.filter or None)

    def _history(self, owner: str, turn: Turn) -> list[Mapping[str, str]]:
        before = [t for t in self.notes.turns(owner, turn.conversation) if t.id < turn.id and t.answer]
        history: list[Mapping[str, str]] = []
        for one in before[-MAX_HISTORY_TURNS:]:
            history.append({"role": "user", "content": one.asked.question})
            history.append({"role": "assistant", "content": json.loads(one.answer or "{}")["text"]})
        return history

    def shown(self, owner: str, conversation: int | None) -> list[Shown]:
        """The turns of a conversation, with all that their articles tell."""
        turns = self.notes.turns(owner, conversation) if conversation is not None else []
        saved = set(self.notes.saved_questions(owner))
        return [self._shown(turn, saved) for turn in turns]

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

    def file(self, owner: str, turn: int, form: str) -> tuple[str, str] | None:
        """An answer as a file: its name and its text; None where there is no such turn of the owner's, or form."""
        found = self.notes.turn(owner, turn)
        if found is None or found.answer is None or form not in exports.EXPORTS:
            return None
        answer = Answer.from_dict(json.loads(found.answer))
        return f"answer-{turn}.{form}", exports.EXPORTS[form](answer, self.papers_of(answer))

    # --- the library ---------------------------------------------------------------------------------------------

    def read(self, paths: Sequence[Path | str], progress: Report | None = None) -> IngestReport:
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
        """What the papers of an answer say of each column. See `Assistant.table`."""
        put = answer.trace.settings
        mode, depth = cast(Mode, put["mode"]), cast(Depth, put["depth"])
        where = put.get("where") or None
        return self.assistant.table(answer.standalone_question, parse_columns(columns), mode, depth, where)

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
        if query.strip():
            hits = self.assistant.search(query, first + shelf.PAGE)
            found, total = [hit.paper for hit in hits[first:]], len(hits)
        else:
            ids = self._once("titles", self._by_title)
            found, total = list(self.assistant.library.papers(ids[first : first + shelf.PAGE])), len(ids)
        return shelf.papers(found, first, total, query)

    def examples(self) -> list[str]:
        """Questions that the library should be able to answer."""
        some = islice(self._every(), MAX_EXAMPLE_PAPERS)
        return self._once("examples", lambda: examples(list(some))) if len(self) else []

    def map(self) -> Atlas:
        """The library as a map."""
        self.assistant.library.refresh()
        return self._once("map", self._atlas)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` makes of all papers; made anew only when the library was written since."""
        with self._making[name]:
            state = self.assistant.library.store.recall("generation")
            if self._made.get(name, ("none", None))[0] != state:
                self._made[name] = state, make()
            return cast(T, self._made[name][1])

    def _by_title(self) -> list[str]:
        return [i for _, i in sorted((paper.title.casefold(), paper.id) for paper in self._every())]

    def _atlas(self) -> Atlas:
        library, every = self.assistant.library, list(self._every())
        shown = every[:: max(1, -(-len(every) // MAX_POINTS))]
        vectors = library.vectors.of({paper.id: 1 for paper in shown})
        kept = [paper for paper in shown if paper.id in vectors]
        return atlas(kept, np.concatenate([vectors[paper.id] for paper in kept]), len(every))

    def _every(self) -> Iterator[Paper]:
        yield from self.assistant.library.store.every_paper()


def paced(events: Iterator[Event], stopped: threading.Event) -> Iterator[Event | None]:
    """Events as they come, from a thread of their own, so that waiting for one can be given up.

    Args:
        events: Taken from that thread alone.
        stopped: Once set, this ends within BEAT_S, and the thread once its next event has come.

    Yields:
        Each event; None whenever none came for BEAT_S.

    Raises:
        Exception: Whatever `events` raises.
    """
    arrived: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def take() -> None:
        for event in events:
            if stopped.is_set():
                return
            arrived.put(event)

    pool = ThreadPoolExecutor(1, thread_name_prefix="answer")
    work = pool.submit(take)
    pool.shutdown(wait=False)
    while not stopped.is_set():
        over = work.done()
        try:
            yield arrived.get(timeout=0 if over else BEAT_S)
        except queue.Empty:
            if over:
                work.result()
                return
            yield None
