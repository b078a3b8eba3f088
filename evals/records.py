"""The nouns of evaluation: Case -> Reply -> Outcome -> Score -> Difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from assistant import Answer

UNSCORED: Final = "unscored"
Value = float | Literal["unscored"] | None
"""What a measure says of an outcome: a number; None where it does not apply to the case; UNSCORED where it applies and
could not be taken (a judge gave no usable reply, a price is not known)."""


@dataclass(frozen=True, slots=True)
class Nugget:
    """A fact that a full answer tells."""

    text: str
    titles: tuple[str, ...]
    """The papers that tell it."""
    vital: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A judged question."""

    id: str
    type: str
    """list, constraint, factoid, compare, ...; figures are also given by type."""
    question: str
    history: tuple[Mapping[str, str], ...]
    standalone: str | None
    answer_patterns: tuple[str, ...]
    """Regular expressions, one of which the sentence that answers must match; empty where that is not asked."""
    grades: Mapping[str, int]
    """2 (highly) or 1 (relevant), by title; empty when the library holds no answer and the assistant must say so."""
    nuggets: tuple[Nugget, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system makes of a case."""

    answer: Answer
    ranking: tuple[str, ...] | None
    """Paper ids as the system ranks them, best first; None for a system that shows no ranking."""
    seconds: float | None
    """Wall time of the answer; None where it is not known."""
    failure: str | None = None
    """Why there is no answer; `answer` is then an empty one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A reply held against the library and the case: all that the measures look at."""

    case: Case
    relevant: Mapping[str, int]
    """The case's grades, by paper id."""
    reply: Reply
    missed: tuple[str, ...]
    """Titles of the relevant papers that the answer does not cite."""
    invalid_quotes: int
    """Quotes that are not the library's text."""
    told: tuple[float | None, ...]
    """For each nugget, how far the answer tells it, in [0, 1]; None where the matcher could not say."""
    grounded: tuple[float | None, ...]
    """For each claim, how far the quotes it cites support it, in [0, 1]; None where the matcher could not say."""

    @property
    def answer(self) -> Answer:
        """The reply's answer."""
        return self.reply.answer


@dataclass(frozen=True, slots=True)
class Score:
    """A measure over some cases."""

    mean: float | None
    """None when no case could be scored."""
    low: float | None
    """Of a 95 % bootstrap interval."""
    high: float | None
    n: int
    """Cases it is the mean of."""
    unscored: int
    """Cases it should have covered and could not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure in two runs, over the cases that both score."""

    n: int
    before: float
    """Mean of the first run."""
    after: float
    """Mean of the second."""
    low: float
    """Of a 95 % bootstrap interval of `after - before`, over cases."""
    high: float
    p: float
    """That a difference as large is noise: paired sign-flip randomisation test, two-sided."""
    p_holm: float
    """`p`, corrected for the number of measures compared (Holm 1979)."""
    up: int
    """Cases whose value is greater in the second run."""
    down: int
