"""Question -> Answer: the whole chain, in one screen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from assistant.compose import compose
from assistant.errors import BadOption, BadQuestion, NoModel
from assistant.judge import judge
from assistant.records import Answer, Coverage, Depth, Event, Mode, PaperHit, Stage, Token, Trace, Verdict
from assistant.retrieve import retrieve
from assistant.understand import understand
from ingest import Library, Settings
from ingest.clean import stored
from ingest.project import Progress
from ingest.settings import read_settings

Turn = Mapping[str, str]
"""One turn of a conversation: {"role": "user" | "assistant", "content": text}."""

MAX_QUESTION_CHARS = 2_000
CANDIDATES: Mapping[Depth, int | None] = {"quick": 50, "thorough": 150, "exhaustive": None}
"""Papers to judge; None for every paper of the library."""


class Assistant:
    """Answers questions over one library. May be used from several threads at once."""

    def __init__(self, library: Library, settings: Settings) -> None:
        """Not for users: see `open`."""
        self.library, self.settings = library, settings

    @classmethod
    def open(
        cls, library: Path | str | None = None, settings: Settings | None = None, progress: Progress | None = None
    ) -> Self:
        """Opens a library to ask it.

        Args:
            library: Its folder; by default the one that `settings` name.
            settings: By default made from the environment.
            progress: Called with (papers done, papers to do) while an interrupted ingest is finished.

        Raises:
            IngestError: See `Library.open`.
        """
        settings = settings or read_settings({})
        return cls(Library.open(Path(library or settings.library), settings, progress=progress), settings)

    def ask(
        self, question: str, history: Sequence[Turn] = (), mode: Mode = "auto", depth: Depth = "thorough"
    ) -> Answer:
        """Answers `question`. Arguments and errors are those of `stream`."""
        return next(event for event in self.stream(question, history, mode, depth) if isinstance(event, Answer))

    def stream(
        self, question: str, history: Sequence[Turn] = (), mode: Mode = "auto", depth: Depth = "thorough"
    ) -> Iterator[Event]:
        """Answers `question` step by step: each stage as it begins, the text in pieces, at last the Answer.

        Args:
            question: In plain words, at most MAX_QUESTION_CHARS characters.
            history: The conversation so far, oldest turn first, so that "does it work without labels?" can be asked.
            mode: `offline` uses no language model; `auto` uses one if it is configured; `llm` insists on one.
            depth: How many papers are judged (CANDIDATES).

        Raises:
            BadQuestion: It is empty or too long.
            BadOption: `mode`, `depth` or a turn of `history` is not of its form.
            NoModel: Mode `llm` without a language model.
        """
        question, turns = _checked(question, history, mode, depth)
        self.library.refresh()
        papers, clock = len(self.library), Clock()

        yield Stage("understand", question)
        query = understand(question, turns)
        clock.lap("understand")

        yield Stage("retrieve", f"{papers} papers")
        hits = retrieve(self.library, query, CANDIDATES[depth] or papers)
        clock.lap("retrieve")

        yield Stage("judge", f"{len(hits)} of {papers} papers")
        verdict = judge(self.library, query, hits)
        clock.lap("judge")

        yield Stage("write", "from verbatim sentences")
        relevant = sum(judgement.satisfied for judgement in verdict.judgements)
        coverage = Coverage(papers, retrieved=len(hits), judged=len(verdict.judgements), relevant=relevant)
        draft = compose(query.kind, verdict, coverage, _notices(verdict))
        yield from map(Token, draft.text.splitlines(keepends=True))
        clock.lap("write")

        yield Answer(
            question=question,
            standalone_question=query.text,
            kind="none" if verdict.abstained_because else query.kind,
            mode="offline",
            model=None,
            text=draft.text,
            abstained=verdict.abstained_because is not None,
            reason=draft.reason,
            claims=draft.claims,
            citations=draft.citations,
            near_misses=draft.near_misses,
            coverage=coverage,
            notices=draft.notices,
            trace=Trace(
                settings={"mode": mode, "depth": depth},
                prompts=draft.prompts,
                library={"papers": str(papers), "encoder": self.library.encoder.name},
                seconds=clock.seconds,
            ),
        )

    def search(self, query: str, k: int = 50) -> tuple[PaperHit, ...]:
        """Ranks papers for `query`, best first, ties by id; no language model takes part.

        Args:
            query: Words or a question.
            k: At most this many papers, at least 1.

        Raises:
            BadQuestion: `query` is empty or too long.
            BadOption: `k` is below 1.
        """
        text = _cleaned(query)
        if k < 1:
            raise BadOption("k", k, "a whole number of at least 1")
        self.library.refresh()
        return retrieve(self.library, understand(text), k)

    def close(self) -> None:
        """Lets go of the library."""
        self.library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ask(
    question: str,
    library: Path | str | None = None,
    history: Sequence[Turn] = (),
    mode: Mode = "auto",
    depth: Depth = "thorough",
) -> Answer:
    """Opens a library, answers one question and closes it; see `Assistant.open` and `Assistant.stream`."""
    with Assistant.open(library) as assistant:
        return assistant.ask(question, history, mode, depth)


class Clock:
    """Wall time of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends `stage`."""
        now = time.perf_counter()
        self.seconds[stage], self._last = round(now - self._last, 4), now


def _checked(question: str, history: Sequence[Turn], mode: str, depth: str) -> tuple[str, list[Turn]]:
    """The question and the conversation, cleaned, once all arguments are found to be in range."""
    if mode not in get_args(Mode):
        raise BadOption("mode", mode, f"one of {', '.join(get_args(Mode))}")
    if depth not in CANDIDATES:
        raise BadOption("depth", depth, f"one of {', '.join(CANDIDATES)}")
    for turn in history:
        if turn.get("role") not in ("user", "assistant") or not isinstance(turn.get("content"), str):
            raise BadOption("history", turn, "turns of the form {'role': 'user' or 'assistant', 'content': text}")
    if mode == "llm":
        raise NoModel
    return _cleaned(question), [{"role": turn["role"], "content": stored(turn["content"])} for turn in history]


def _cleaned(question: str) -> str:
    text = stored(question)
    if not text:
        raise BadQuestion("the question is empty")
    if len(text) > MAX_QUESTION_CHARS:
        raise BadQuestion(f"the question has {len(text):,} characters, at most {MAX_QUESTION_CHARS:,} are read")
    return text


def _notices(verdict: Verdict) -> list[str]:
    digests = any(judgement.paper.digest for judgement in verdict.judgements if judgement.satisfied)
    return ["notice_extractive", *(["notice_digest"] if digests else [])]
