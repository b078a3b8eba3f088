"""Question -> Answer: the whole chain, in one screen."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypedDict, Unpack

from assistant.compose import Draft
from assistant.pile import Ground
from assistant.records import (
    Answer,
    Coverage,
    Depth,
    Event,
    Inquiry,
    Mode,
    PaperHit,
    Query,
    Stage,
    Token,
    Trace,
    Turn,
    Usage,
    Verdict,
)
from ingest.where import Filter

Where = Filter | str | None
"""Which papers are asked; None for all."""


class Options(TypedDict, total=False):
    """How a question is asked; see `Assistant.stream`."""

    history: Sequence[Turn]
    mode: Mode
    depth: Depth
    where: Where


def ask(question: str, library: Path | str | None = None, **options: Unpack[Options]) -> Answer:
    """Opens a library, answers one question and closes it; see `Assistant.open` and `Assistant.stream`."""
    from assistant.assistant import Assistant  # noqa: PLC0415  (it is built on this module)

    with Assistant.open(library) as assistant:
        return assistant.ask(question, **options)


def answered(inquiry: Inquiry, ground: Ground, reasoner: Reasoner) -> Iterator[Event]:
    """The chain itself: what happens between a question and its answer, whoever reasons."""
    papers, clock = ground.about.papers, Clock()

    yield Stage("understand", inquiry.question)
    query = reasoner.understand(inquiry.question, inquiry.turns)
    clock.lap("understand")

    yield Stage("retrieve", f"{papers} papers")
    hits = reasoner.find(query)
    clock.lap("retrieve")

    verdict = yield from reasoner.judge(query, hits)
    clock.lap("judge")

    draft = yield from reasoner.write(query, verdict, _coverage(papers, hits, verdict))
    clock.lap("write")

    where = {"where": ground.about.where} if ground.about.where else {}
    yield Answer(
        question=inquiry.question,
        standalone_question=query.text,
        kind="none" if draft.abstained_because else query.kind,
        mode=reasoner.mode,
        model=reasoner.model,
        text=draft.text,
        abstained=draft.abstained_because is not None,
        reason=draft.reason,
        claims=draft.claims,
        citations=draft.citations,
        near_misses=draft.near_misses,
        coverage=_coverage(papers, hits, draft.verdict),
        notices=draft.notices,
        removed=draft.removed,
        usage=reasoner.usage(),
        trace=Trace(
            settings={"mode": inquiry.mode, "depth": inquiry.depth} | where,
            prompts=draft.prompts,
            library=ground.about.library,
            seconds=clock.seconds,
        ),
    )


class Reasoner(Protocol):
    """Does the stages of one answer that need judgement: offline by rules, or by a language model."""

    @property
    def mode(self) -> Literal["offline", "llm"]:
        """What the answer says of itself."""

    @property
    def model(self) -> str | None:
        """Name of the language model."""

    def understand(self, question: str, turns: Sequence[Turn]) -> Query:
        """Question -> Query."""

    def find(self, query: Query) -> tuple[PaperHit, ...]:
        """Query -> Hits, best first."""

    def judge(self, query: Query, hits: Sequence[PaperHit]) -> Generator[Stage, None, Verdict]:
        """Hits -> Judgements."""

    def write(self, query: Query, verdict: Verdict, coverage: Coverage) -> Generator[Stage | Token, None, Draft]:
        """Judgements -> the sentences of an answer."""

    def usage(self) -> Usage:
        """What was asked of a model so far."""


class Clock:
    """Wall time of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends `stage`."""
        now = time.perf_counter()
        self.seconds[stage], self._last = round(now - self._last, 4), now


def _coverage(papers: int, hits: Sequence[PaperHit], verdict: Verdict) -> Coverage:
    relevant = sum(judgement.satisfied for judgement in verdict.judgements)
    return Coverage(papers, len(hits), len(verdict.judgements), relevant, verdict.estimated_recall)
