"""The nouns of evaluation: Case, Outcome, Score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assistant import Answer


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
class Outcome:
    """What the assistant made of a case."""

    case: Case
    relevant: Mapping[str, int]
    """The case's grades, by paper id."""
    answer: Answer
    ranking: tuple[str, ...]
    """Paper ids as `search` ranks them, best first."""
    invalid_quotes: int
    """Quotes that are not the library's text."""
    seconds: float
    """Wall time of the answer."""


@dataclass(frozen=True, slots=True)
class Score:
    """A measure over some cases."""

    mean: float
    low: float
    """Of a 95 % bootstrap interval."""
    high: float
    n: int
    """Cases it is the mean of."""
    unscored: int
    """Cases it should have covered and could not."""
