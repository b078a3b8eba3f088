"""Library -> Assistant: a library that can be asked, in each of the ways there are to ask it."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator, Sequence
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, SupportsIndex

from assistant.ask import Reasoner, Where, answered
from assistant.errors import BadOption, NoModel
from assistant.inquiry import checked, cleaned
from assistant.llm.open import forbidden, open_chat, why_not
from assistant.llm.record import Recorded, Use
from assistant.llm.records import Chat, ChatFailed
from assistant.offline import OfflineReasoner
from assistant.pile import Ground, Pile
from assistant.records import Answer, Depth, Event, Inquiry, Mode, PaperHit, Turn, Usage
from assistant.rerank import Reranker, open_reranker
from assistant.story import Tell, Trail
from assistant.table import Table, tabulate, telling_silent, without_model
from assistant.tracing import tellers
from assistant.transcript import Transcript
from assistant.understand import understand
from ingest import Library, Settings
from ingest.encode import Encoder
from ingest.kept import MakeStore
from ingest.project import Progress
from ingest.settings import is_loopback, read_settings

if TYPE_CHECKING:
    from assistant.news import News
    from assistant.saved import SavedAnswer


class Assistant:
    """Answers questions over one library. May be used from several threads at once."""

    def __init__(
        self, library: Library, settings: Settings, chat: Chat | None = None, reranker: Reranker | None = None
    ) -> None:
        """Not for users: see `open`."""
        self.library, self.settings, self._chat, self._reranker = library, settings, chat, reranker
        self._tell = tellers(settings)
        self._transcript: Transcript | None = None
        self._ids: frozenset[str] | None = None

    @classmethod
    def open(  # noqa: PLR0913 (a contract: every option by name)
        cls,
        library: Path | str | None = None,
        settings: Settings | None = None,
        progress: Progress | None = None,
        *,
        chat: Chat | None = None,
        use: Use = "record",
        encoder: Encoder | None = None,
        reranker: Reranker | None = None,
        vectors: MakeStore | None = None,
    ) -> Self:
        """Opens a library to ask it.

        Args:
            library: Its folder; by default the one that `settings` name.
            settings: By default made from the environment.
            progress: Called with (papers done, papers to do) while an interrupted ingest is finished.
            chat: The language model; by default the one that `settings` name, if any.
            use: What becomes of a model's replies: `record` keeps them beside the library, `reuse` takes what was kept
                before it asks anew, `replay` never asks.
            encoder: Used instead of the one that `settings` name; the library must have been written with it.
            reranker: Puts the best papers in order, instead of the one that `settings` name; see `assistant.rerank`.
            vectors: Opens the store of vectors that is used instead of the one that `settings` name; see `ingest.kept`.

        Raises:
            IngestError: See `Library.open`.
        """
        settings = settings or read_settings({})
        folder = Path(library or settings.library)
        opened = Library.open(folder, settings, encoder, progress, vectors=vectors)
        gc.collect()  # of all that was loaded: else it is one of the first questions that waits for it
        return cls(opened, settings, chat or open_chat(settings, folder, use=use), reranker or open_reranker(settings))

    def transcribed(self, transcript: Transcript) -> Self:
        """This assistant, for one answer: what it is made of goes into `transcript`, which `bundle.write` can keep."""
        return self._but(_transcript=transcript)

    def telling(self, tell: Tell) -> Self:
        """This assistant, which also tells `tell` how each of its answers came about."""
        return self._but(_tell=(*self._tell, tell))

    def among(self, ids: frozenset[str]) -> Self:
        """This assistant, asked of the papers with these ids alone."""
        return self._but(_ids=ids)

    def _but(self, **changed: object) -> Self:
        other = copy(self)
        vars(other).update(changed)
        return other

    def news(self, saved: SavedAnswer, mode: Mode | None = None) -> News:
        """What has changed since an answer was saved; only abstracts that came since are put to a language model.

        Args:
            saved: See `saved.save`.
            mode: See `stream`; by default that in which the question was asked.

        Raises:
            NoModel, ChatFailed: In mode `llm`; see `stream`.
        """
        from assistant.news import news  # noqa: PLC0415  (the model's stages take time to import)

        self.library.refresh()
        mode = mode or saved.mode
        chat = self._model_for(mode, "exhaustive")  # what a model said before is not paid for again
        return news(self._but(_chat=chat), saved, chat, mode)

    @property
    def model(self) -> str | None:
        """Name of the language model; None where none is configured, or where its server does not tell."""
        try:
            return self._chat.model if self._chat else None
        except ChatFailed:
            return None

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        mode: Mode = "auto",
        depth: Depth = "thorough",
        where: Where = None,
    ) -> Answer:
        """Answers `question`. Arguments and errors are those of `stream`."""
        events = self.stream(question, history, mode, depth, where)
        return next(event for event in events if isinstance(event, Answer))

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        mode: Mode = "auto",
        depth: Depth = "thorough",
        where: Where = None,
    ) -> Iterator[Event]:
        """Answers `question` step by step: each stage as it begins, the text in pieces, at last the Answer.

        The text of the Answer is what counts: pieces shown before may be withdrawn when they turn out unsupported, or
        when the language model fails and the offline answer takes the place of its own.

        Args:
            question: In plain words, at most MAX_QUESTION_CHARS characters.
            history: The conversation so far, oldest turn first, so that "does it work without labels?" can be asked.
            mode: `offline` uses no language model; `auto` uses one if it is configured; `llm` insists on one.
            depth: `quick` is one call over the best papers, `thorough` judges the best hundred or so, `exhaustive` all.
            where: Asks only of the papers that fit, such as `year >= 2023 and has_code`; see `ingest.where`.

        Raises:
            BadQuestion: It is empty or too long.
            BadOption: `mode`, `depth`, `where` or a turn of `history` is not of its form.
            BadFilter: `where` cannot be read.
            LibraryClosed: See `close`.
            RerankerUnavailable: There is one, and it cannot be used.
            NoModel: Mode `llm` without a language model.
            ChatFailed: Mode `llm`, and the language model gave no usable reply.
        """
        inquiry = checked(question, history, mode, depth)
        self.library.refresh()
        trail, ground = Trail(inquiry, self._tell), self.pile(where)
        yield from trail.follow(self._answers(inquiry, ground, trail.over(self._model_for(mode, depth))))

    def _answers(self, inquiry: Inquiry, ground: Ground, chat: Chat | None) -> Generator[Event]:
        fallback, spent = None, Usage()
        if self._transcript:
            ground, chat = self._transcript.begin(inquiry, ground, chat)
        if chat:
            reasoner = reasoner_by(ground, chat, inquiry.depth, self.settings.model_calls_at_once)
            try:
                yield from answered(inquiry, ground, reasoner)
                return
            except ChatFailed as failure:
                if inquiry.mode == "llm":
                    raise
                fallback, spent = f"{failure.kind}: {failure.why}", reasoner.usage()
        elif inquiry.mode == "auto":
            fallback = forbidden(self.settings)
        if self._transcript and fallback:
            self._transcript.fall_back(fallback, spent)
        yield from answered(inquiry, ground, OfflineReasoner(ground, inquiry.depth, fallback, spent))

    def price(self, mode: Mode = "auto", depth: Depth = "thorough", where: Where = None) -> Usage:
        """What an answer will ask of the language model, at most, by an estimate from this library's papers."""
        from assistant.by_llm.price import price  # noqa: PLC0415  (the model's stages take time to import)

        chat = self._model_for(mode, depth)
        if chat is None:
            return Usage()
        self.library.refresh()
        local = self.settings.base_url is not None and is_loopback(self.settings.base_url)
        return price(self.pile(where), None if local else self.model or "", depth)

    def table(
        self,
        question: str,
        columns: Sequence[str],
        mode: Mode = "auto",
        depth: Depth = "thorough",
        where: Where = None,
    ) -> Table:
        """Answers `question` as a table: a row for each paper cited, and behind each cell the sentence that states it.

        Args:
            question: See `stream`, as for the errors.
            columns: What to tell of each paper, in a few words each; see `table.parse_columns`.
            mode: See `stream`.
            depth: See `stream`.
            where: See `stream`.
        """
        return self.tabulated(self.ask(question, (), mode, depth, where), columns, mode, depth)

    def tabulated(
        self, answer: Answer, columns: Sequence[str], mode: Mode = "auto", depth: Depth = "thorough"
    ) -> Table:
        """The papers that `answer` cites as a table, without asking anew which they are; see `table`."""
        self.library.refresh()
        table = tabulate(self.library, answer, columns)
        if table.answer.mode == "offline" or not (chat := self._model_for(mode, depth)):
            return telling_silent(table)
        from assistant.by_llm.tabulate import tabulate_by  # noqa: PLC0415  (the model's stages take time to import)

        try:
            return tabulate_by(self.library, chat, table, self.settings.model_calls_at_once)
        except ChatFailed as failure:
            if mode == "llm":
                raise
            return telling_silent(without_model(table, f"{failure.kind}: {failure.why}"))

    def search(self, query: str, k: int = 50, where: Where = None) -> tuple[PaperHit, ...]:
        """Ranks papers for `query`, best first, ties by id; no language model takes part.

        Args:
            query: Words or a question.
            k: At most this many papers, at least 1.
            where: Only papers that fit; see `stream`.

        Raises:
            BadQuestion: `query` is empty or too long.
            BadOption: `k` is no whole number of at least 1, or `where` no condition.
            BadFilter: `where` cannot be read.
            LibraryClosed: See `close`.
        """
        text = cleaned(query)
        if not isinstance(k, SupportsIndex) or k < 1:
            raise BadOption("k", k, "a whole number of at least 1")
        self.library.refresh()
        return self.pile(where).find(understand(text), k)

    def pile(self, where: Where = None) -> Pile:
        """The papers that a question is put to; `where` as in `stream`.

        Raises:
            BadFilter: `where` cannot be read.
        """
        return Pile.of(self.library, where, self._ids, self._reranker)

    def close(self) -> None:
        """Lets go of the library, which can then be asked no more."""
        self.library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _model_for(self, mode: Mode, depth: Depth) -> Chat | None:
        if mode == "offline":
            return None
        if mode == "llm" and self._chat is None:
            raise NoModel(why_not(self.settings))
        if depth == "exhaustive" and isinstance(self._chat, Recorded):
            return self._chat.reusing()  # what an interrupted answer has paid for is not paid again
        return self._chat


def reasoner_by(ground: Ground, chat: Chat, depth: Depth, at_once: int) -> Reasoner:
    """The reasoner that asks `chat`, `at_once` calls at a time."""
    from assistant.by_llm.reasoner import ModelReasoner  # noqa: PLC0415  (the model's stages take time to import)

    return ModelReasoner.over(ground, chat, depth, at_once)
