"""JSON -> arguments: what the endpoints take, checked at the door; what Python checks itself is left to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from assistant.inquiry import MAX_QUESTION_CHARS
from assistant.records import ArmHit, CitedPaper, Depth, Mode, Quote, Turn
from assistant.table import MAX_COLUMNS

MAX_TURNS = 100
MAX_HITS = 1_000
MAX_WHERE_CHARS = 2_000
MAX_MESSAGES = 2_000
HISTORY = 20
"""Turns of a chat that are read; chat programs send all there were."""

Question = Annotated[
    str,
    Field(
        description=f"In plain words, at most {MAX_QUESTION_CHARS:,} characters.",
        examples=["which papers use Hessian approximations for quantization"],
    ),
]
Where = Annotated[
    str | None,
    Field(
        description="Only papers of which this is true.",
        max_length=MAX_WHERE_CHARS,
        examples=["year >= 2023 and has_code"],
    ),
]
AcceptPrice = Annotated[
    bool, Field(description="Whether an exhaustive answer may cost what it costs; without it, 402 tells the price.")
]


class Form(BaseModel):
    """A body: what it may hold, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Said(Form):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


class Options(TypedDict):
    """How a question is asked; see `Assistant.stream`."""

    mode: Mode
    depth: Depth
    where: str | None


class Choice(Form):
    """Which papers are asked, by whom, and how thoroughly."""

    mode: Mode = "auto"
    depth: Depth = "thorough"
    where: Where = None
    accept_price: AcceptPrice = False

    @property
    def options(self) -> Options:
        """As Python takes them."""
        return {"mode": self.mode, "depth": self.depth, "where": self.where}


class Asked(Choice):
    """A question, and the conversation before it, oldest turn first."""

    question: Question
    history: Annotated[list[Said], Field(max_length=MAX_TURNS)] = []

    @property
    def turns(self) -> Sequence[Turn]:
        """The history, as Python takes it."""
        return [turn.model_dump() for turn in self.history]


class Sought(Form):
    """What is looked for."""

    query: Question
    k: Annotated[int, Field(ge=1, le=MAX_HITS, description="At most this many papers.")] = 50
    where: Where = None


class Tabulated(Choice):
    """A question whose answer is a table."""

    question: Question
    columns: Annotated[
        list[str],
        Field(min_length=1, max_length=MAX_COLUMNS, description="What to tell of each paper.", examples=[["method"]]),
    ]


class Part(BaseModel):
    """A part of a message; what is no text is not read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A message of a chat, as OpenAI has it."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream tells beside the text."""

    include_usage: bool = False


class Completing(BaseModel):
    """A chat to be gone on with, as OpenAI has it, and our own options. All else (temperature, tools) is ignored."""

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    mode: Mode | None = None
    depth: Depth | None = None
    where: Where = None
    accept_price: AcceptPrice = False


class Hit(BaseModel):
    """A paper in a ranking, as `PaperHit.to_dict` gives it."""

    paper: CitedPaper
    similarity: float
    evidence: list[Quote]
    arms: dict[str, ArmHit]


class Health(BaseModel):
    """What the server says of itself."""

    status: Literal["ok"]
    papers: int
    model: str | None
