"""Events, calls -> Story: how an answer came about, stage by stage, for those who want to be told."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field

from assistant.llm.records import Chat, ChatFailed, Reply, Request
from assistant.records import Answer, Event, Inquiry, Stage


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a language model."""

    request: Request
    outcome: Reply | ChatFailed
    began_ns: int
    """Nanoseconds since 1970, as in all that follows."""
    ended_ns: int


@dataclass(slots=True)
class Step:
    """A stage of the answer."""

    name: str
    detail: str
    """What the stage told last; may hold the question."""
    began_ns: int
    ended_ns: int = 0
    calls: list[Call] = field(default_factory=list)
    """In the order in which they ended."""


@dataclass(slots=True)
class Story:
    """A question, and what was done about it. A model that failed and the offline answer after it are one story."""

    inquiry: Inquiry
    began_ns: int
    ended_ns: int = 0
    steps: list[Step] = field(default_factory=list)
    answer: Answer | None = None
    """None when there is none: `failed` says why."""
    failed: str | None = None


Tell = Callable[[Story], None]
"""Is told each story when it is over."""


def results(story: Story) -> Iterator[tuple[Step, Mapping[str, int]]]:
    """Each step, and what it came to, in numbers that have names; nothing for one that was done again later."""
    come_to = _results(story.answer) if story.answer else {}
    last = {step.name: step for step in story.steps}
    return ((step, come_to.get(step.name, {}) if last[step.name] is step else {}) for step in story.steps)


def _results(answer: Answer) -> Mapping[str, Mapping[str, int]]:
    coverage, removed = answer.coverage, asdict(answer.removed)
    quotes = sum(len(citation.quotes) for citation in answer.citations)
    taken_out = {f"{name}_removed": count for name, count in removed.items() if count}
    return {
        "retrieve": {"papers": coverage.papers, "retrieved": coverage.retrieved},
        "judge": {"judged": coverage.judged, "relevant": coverage.relevant},
        "write": {"cited": len(answer.citations), "quotes": quotes, **taken_out},
    }


class Trail:
    """Follows one answer. Calls may come from several threads at once."""

    def __init__(self, inquiry: Inquiry, tell: Iterable[Tell]) -> None:
        """Begins now, and tells `tell` at the end."""
        self._tell = tuple(tell)
        self._ahead_ns = time.time_ns() - time.perf_counter_ns()
        self._story = Story(inquiry, self.now_ns())

    def over(self, chat: Chat | None) -> Chat | None:
        """`chat`, its calls noted."""
        return _Followed(chat, self) if chat and self._tell else chat

    def follow(self, events: Generator[Event]) -> Iterator[Event]:
        """`events`, noted as they pass; whoever closes this closes them."""
        story = self._story
        try:
            with closing(events):
                for event in events:
                    if isinstance(event, Stage):
                        self._enter(event)
                    elif isinstance(event, Answer):
                        story.answer = event
                    yield event
        except ChatFailed as failure:
            story.failed = f"{failure.kind}: {failure.why}"
            raise
        finally:
            story.ended_ns = self._leave()
            if not story.answer and not story.failed:
                story.failed = "broken off"
            for tell in self._tell:
                tell(story)

    def note(self, request: Request, outcome: Reply | ChatFailed, began_ns: int) -> None:
        """Notes a call that has ended, in the stage that is on."""
        self._story.steps[-1].calls.append(Call(request, outcome, began_ns, self.now_ns()))

    def _enter(self, stage: Stage) -> None:
        if self._story.steps and self._story.steps[-1].name == stage.name:
            self._story.steps[-1].detail = stage.detail
        else:
            self._story.steps.append(Step(stage.name, stage.detail, self._leave()))

    def _leave(self) -> int:
        now_ns = self.now_ns()
        if self._story.steps:
            self._story.steps[-1].ended_ns = now_ns
        return now_ns

    def now_ns(self) -> int:
        """The time."""
        return self._ahead_ns + time.perf_counter_ns()  # never goes back


@dataclass(frozen=True, slots=True)
class _Followed:
    """A `Chat` whose calls are noted, those that fail, too."""

    chat: Chat
    trail: Trail

    @property
    def model(self) -> str:
        """See `Chat.model`."""
        return self.chat.model

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`."""
        began_ns = self.trail.now_ns()
        try:
            for piece in self.chat.stream(request):
                if isinstance(piece, Reply):
                    self.trail.note(request, piece, began_ns)
                yield piece
        except ChatFailed as failure:
            self.trail.note(request, failure, began_ns)
            raise
