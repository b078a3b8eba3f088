"""Ground, Chat -> Transcript: what a library and a model told while one answer was made, to be told again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assistant.errors import AssistantError
from assistant.llm.records import Chat, ChatFailed, FailureKind, Message, Reply, Request
from assistant.pile import About, Ground
from assistant.records import Inquiry, Judgement, PaperHit, Query, Usage, Verdict
from ingest.records import Passage


class NotReproduced(AssistantError):
    """Made again from what was noted, an answer is not what it was."""

    exit_code = 1

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the answer cannot be made again as it was: {why}")


@dataclass(frozen=True, slots=True)
class Supported:
    """How well a sentence was found to be supported."""

    sentence: str
    cited: tuple[str, ...]
    support: float
    """In [0, 1]."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a library told for one answer; a `Ground` that tells it again."""

    about: About
    hits: tuple[PaperHit, ...] = ()
    sentences: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)
    """By paper id."""
    verdict: Verdict | None = None
    """None where a model judged."""
    nearness: tuple[bool, ...] = ()
    """Of each judgement."""
    supports: tuple[Supported, ...] = ()

    def find(self, query: Query, k: int) -> tuple[PaperHit, ...]:
        """See `Ground.find`."""
        del query, k
        return self.hits

    def passages(self, ids: Iterable[str]) -> Mapping[str, tuple[Passage, ...]]:
        """See `Ground.passages`."""
        del ids
        return self.sentences

    def judge(self, query: Query, hits: Sequence[PaperHit]) -> Verdict:
        """See `Ground.judge`."""
        del query, hits
        if self.verdict is None:
            raise NotReproduced("no verdict was noted")
        return self.verdict

    def near(self, query: Query, judgements: Sequence[Judgement]) -> Sequence[bool]:
        """See `Ground.near`."""
        del query
        if len(self.nearness) != len(judgements):
            raise NotReproduced(f"{len(judgements)} papers were judged, {len(self.nearness)} were noted")
        return self.nearness

    def support(self, sentence: str, cited: Sequence[str]) -> float:
        """See `Ground.support`."""
        for each in self.supports:
            if (each.sentence, each.cited) == (sentence, tuple(cited)):
                return each.support
        raise NotReproduced(f"the support of {sentence[:60]!r} was not noted")


class NotedGround:
    """A `Ground` that notes what it tells."""

    def __init__(self, ground: Ground) -> None:
        """Tells what `ground` tells."""
        self._ground, self.told = ground, Told(ground.about)

    @property
    def about(self) -> About:
        """See `Ground.about`."""
        return self.told.about

    def find(self, query: Query, k: int) -> tuple[PaperHit, ...]:
        """See `Ground.find`."""
        hits = self._ground.find(query, k)
        self.told = replace(self.told, hits=hits)
        return hits

    def passages(self, ids: Iterable[str]) -> Mapping[str, tuple[Passage, ...]]:
        """See `Ground.passages`."""
        sentences = self._ground.passages(ids)
        self.told = replace(self.told, sentences=sentences)
        return sentences

    def judge(self, query: Query, hits: Sequence[PaperHit]) -> Verdict:
        """See `Ground.judge`."""
        verdict = self._ground.judge(query, hits)
        self.told = replace(self.told, verdict=verdict)
        return verdict

    def near(self, query: Query, judgements: Sequence[Judgement]) -> Sequence[bool]:
        """See `Ground.near`."""
        nearness = tuple(self._ground.near(query, judgements))
        self.told = replace(self.told, nearness=nearness)
        return nearness

    def support(self, sentence: str, cited: Sequence[str]) -> float:
        """See `Ground.support`."""
        support = self._ground.support(sentence, cited)
        noted = Supported(sentence, tuple(cited), support)
        self.told = replace(self.told, supports=(*self.told.supports, noted))
        return support


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a model gave no usable reply."""

    kind: FailureKind
    why: str
    calls: int
    """Attempts that it took."""


@dataclass(frozen=True, slots=True)
class Said:
    """A call to a model: what it was sent, and what came of it."""

    stage: str
    messages: tuple[Message, ...]
    max_tokens: int
    outcome: Reply | Failure


class NotedChat:
    """A `Chat` of which every call is noted, those that fail, too."""

    def __init__(self, chat: Chat) -> None:
        """Says what `chat` says."""
        self._chat, self.said = chat, list[Said]()

    @property
    def model(self) -> str:
        """See `Chat.model`."""
        return self._chat.model

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`."""
        try:
            for piece in self._chat.stream(request):
                if isinstance(piece, Reply):
                    self._note(request, piece)
                yield piece
        except ChatFailed as failure:
            self._note(request, Failure(failure.kind, failure.why, failure.calls))
            raise

    def _note(self, request: Request, outcome: Reply | Failure) -> None:
        self.said.append(Said(request.stage, request.messages, request.max_tokens, outcome))


class RetoldChat:
    """A `Chat` that says again what was noted, and nothing else."""

    def __init__(self, model: str, said: Iterable[Said]) -> None:
        """Says `said` again under the name of `model`."""
        self.model = model
        self._outcomes = {(each.messages, each.max_tokens): each.outcome for each in said}

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`.

        Raises:
            NotReproduced: This request was not noted.
        """
        outcome = self._outcomes.get((request.messages, request.max_tokens))
        if outcome is None:
            raise NotReproduced(f"its model was not sent what stage {request.stage!r} sends here")
        if isinstance(outcome, Failure):
            raise ChatFailed(outcome.kind, outcome.why, calls=outcome.calls)
        yield outcome.text
        yield outcome


class Transcript:
    """All that one answer is made of: given to `Assistant.transcribed` empty, filled in while it answers."""

    inquiry: Inquiry
    fallback: str | None
    """Why the one that was wanted took no part."""
    spent: Usage
    """What was asked of it all the same."""

    def begin(self, inquiry: Inquiry, ground: Ground, chat: Chat | None) -> tuple[Ground, Chat | None]:
        """Begins with a question; what is returned is to be asked in place of what was given."""
        self.inquiry, self.fallback, self.spent = inquiry, None, Usage()
        self._ground, self._chat = NotedGround(ground), NotedChat(chat) if chat else None
        return self._ground, self._chat

    def fall_back(self, why: str, spent: Usage) -> None:
        """Begins again without the model; what it said stays noted."""
        self.fallback, self.spent = why, spent
        self._ground.told = Told(self._ground.about)

    @property
    def told(self) -> Told:
        """By the library."""
        return self._ground.told

    @property
    def said(self) -> tuple[Said, ...]:
        """By the model, in order of what it was sent."""
        said = tuple(self._chat.said) if self._chat else ()
        return tuple(sorted(said, key=lambda each: (each.stage, each.messages[-1].content, each.max_tokens)))
