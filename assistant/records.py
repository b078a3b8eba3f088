"""The nouns of an answer: Query -> Hit -> Judgement -> Answer, with its citations and quotes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ingest.records import Paper, Source

SCHEMA = 1
"""Version of the answer's JSON form."""

Field = Literal["title", "abstract"]
Kind = Literal["list", "fact", "compare"]
Mode = Literal["auto", "offline", "llm"]
Depth = Literal["quick", "thorough", "exhaustive"]
ReasonKind = Literal["off_topic", "not_stated", "nothing_found"]
Turn = Mapping[str, str]
"""One turn of a conversation: {"role": "user" | "assistant", "content": text}."""
Role = Literal["proposes", "studies", "uses", "compares", "criticises", "mentions"]
"""What a paper does with the thing asked for."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What was asked, found to be in range and cleaned."""

    question: str
    turns: tuple[Turn, ...]
    """The conversation before it, oldest turn first."""
    mode: Mode
    depth: Depth


@dataclass(frozen=True, slots=True)
class Query:
    """What a question asks for, ready to be looked up."""

    text: str
    """The question, standing alone."""
    kind: Kind
    sought: str
    """`text` without what it leaves aside: what is encoded."""
    aspects: tuple[str, ...]
    """The phrases of `sought` that name its subject, in order, at least one."""
    ways: tuple[tuple[int, ...], ...]
    """The sets of `aspects`, by position, of which a relevant paper has to do with one: several where it says "or"."""
    excluded: tuple[str, ...]
    """What the question leaves aside."""
    names: tuple[str, ...]
    """The words of `sought` that are names: acronyms, products, people, places."""
    asks_number: bool
    """Whether the answer must hold a number."""
    criteria: tuple[str, ...] = ()
    """The conditions that a paper must all meet, in words; only a language model tells them."""
    alternatives: tuple[str, ...] = ()
    """Other phrases for what is sought; only a language model tells them."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim span of a paper's stored text: `text == getattr(paper, field)[start:end]`, always."""

    text: str
    start: int
    """First character, from 0."""
    end: int
    """One past the last character."""
    field: Field


@dataclass(frozen=True, slots=True)
class ArmHit:
    """How one arm of retrieval sees a paper."""

    rank: int
    """Position in the arm's ranking, from 1."""
    value: float
    """The arm's own measure: BM25, or cosine similarity in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class PaperHit:
    """A paper in the ranking for a query."""

    paper: Paper
    similarity: float
    """Probability that the paper is relevant, given that some paper is, in [0, 1] (see `weights`)."""
    evidence: tuple[Quote, ...]
    """The sentences nearest to the query, best first."""
    arms: Mapping[str, ArmHit]
    """Per arm that found the paper, by name."""

    def to_dict(self) -> dict[str, Any]:
        """The hit as plain JSON values; the paper in the form that answers carry."""
        return {
            "paper": asdict(CitedPaper.of(self.paper)),
            "similarity": self.similarity,
            "evidence": [asdict(quote) for quote in self.evidence],
            "arms": {name: asdict(arm) for name, arm in sorted(self.arms.items())},
        }

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from assistant.show.notebook import hit_html  # noqa: PLC0415  (only a notebook needs it)

        return hit_html(self)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a paper satisfies the question."""

    paper: Paper
    relevance: float
    """Probability that it does, in [0, 1]."""
    satisfied: bool
    """Whether it belongs in the answer."""
    quotes: tuple[Quote, ...]
    """The sentences that show it, best first."""
    role: Role | None
    """What the paper does with the thing asked for, or None if that was not judged."""
    lacks: str | None
    """For a paper that does not satisfy the question: what it does not show, in plain words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgements on all candidates, and whether they make an answer."""

    judgements: tuple[Judgement, ...]
    """Best first, ties by paper id."""
    abstained_because: ReasonKind | None
    """None when there is an answer."""
    estimated_recall: EstimatedRecall | None = None
    """None when it was not estimated."""


@dataclass(frozen=True, slots=True)
class CitedPaper:
    """A paper as an answer carries it."""

    id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    url: str | None
    sources: tuple[Source, ...]
    digest: bool
    """True when the quotes are from a digest in other words, not from the authors' abstract."""
    sha256: str
    """Hash of the stored title and abstract when the answer was given."""

    @classmethod
    def of(cls, paper: Paper) -> CitedPaper:
        """The form of `paper` for an answer."""
        return cls(
            paper.id, paper.title, paper.authors, paper.year, paper.address, paper.sources, paper.digest, paper.sha256
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer and what it rests on."""

    text: str
    citations: tuple[int, ...]
    """Numbers of citations."""
    support: float
    """How well the cited sentences support it, in [0, 1]; 1 for a verbatim quote."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A paper that the answer rests on, numbered by first use in the text."""

    number: int
    """From 1."""
    paper: CitedPaper
    relevance: float
    """Probability that the paper satisfies the question, in [0, 1]."""
    role: str | None
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A paper near the question that does not satisfy it."""

    paper: CitedPaper
    lacks: str


@dataclass(frozen=True, slots=True)
class EstimatedRecall:
    """Share of the relevant papers that the answer has, with a 95 % interval; all in [0, 1]."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the library the answer looked at, in papers."""

    papers: int
    retrieved: int
    judged: int
    relevant: int
    estimated_recall: EstimatedRecall | None = None
    """None when it was not estimated."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out of a draft because it could not be proved."""

    unknown_keys: int = 0
    unlocated_quotes: int = 0
    unsupported_claims: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What the language model was asked for."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    """None when the model's price is not known."""

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            round((self.cost_usd or 0.0) + (other.cost_usd or 0.0), 6) if known else None,
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """What the answer depends on, and how long each stage took."""

    settings: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each text used from prompts/, by name."""
    library: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and its proof. One form for Python, command line, chat and evaluation."""

    question: str
    standalone_question: str
    kind: Literal["list", "fact", "compare", "none"]
    """`none` when it abstains."""
    mode: Literal["offline", "llm"]
    model: str | None
    text: str
    """Markdown with markers such as [1], each the number of a citation."""
    abstained: bool
    reason: str | None
    """Why it abstains."""
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    """In order of first use; in a list answer they are the list, best first."""
    near_misses: tuple[NearMiss, ...]
    coverage: Coverage
    notices: tuple[str, ...] = ()
    """What the reader should know about how the answer was made."""
    removed: Removed = Removed()
    usage: Usage = Usage()
    trace: Trace = Trace()
    schema: int = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values, in the form of schema 1."""
        return {"schema": self.schema, **asdict(self)}

    def to_json(self) -> str:
        """The answer as the command line prints it."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from assistant.show.notebook import answer_html  # noqa: PLC0415  (only a notebook needs it)

        return answer_html(self)

    @staticmethod
    def from_dict(data: object) -> Answer:
        """The answer in the JSON form that `to_dict` gives.

        Raises:
            AnswerUnreadable: `data` has another form; the message names the first field that differs.
        """
        from assistant.answer_json import parse  # noqa: PLC0415  (pydantic compiles the form, at a cost, when needed)

        return parse(data)


@dataclass(frozen=True, slots=True)
class Stage:
    """An event: the assistant has begun a stage, or is further on in it."""

    name: Literal["understand", "retrieve", "judge", "write", "verify"]
    detail: str
    """For people, e.g. "593 papers, 120 to judge"."""
    done: int = 0
    """Of `total` steps, how many are done."""
    total: int = 0
    """Steps of the stage; 0 when they are not counted."""


@dataclass(frozen=True, slots=True)
class Token:
    """An event: the next piece of the answer's text."""

    text: str


Event = Stage | Token | Answer
"""What `Assistant.stream` yields; the last one is the Answer."""
