"""Statements, evidence -> support: whether a text tells a fact; the seam for a judge, and one that needs no model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from assistant.features import information, term_share
from assistant.weights import read
from ingest import Library

PARAMETERS = Path(__file__).with_name("matcher.json")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Matcher(Protocol):
    """Says whether evidence tells a statement."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def support(self, statements: Sequence[str], evidence: Sequence[str]) -> tuple[float | None, ...]:
        """How far some piece of `evidence` tells each statement.

        Args:
            statements: What may be told.
            evidence: Pieces of text, each read by itself.

        Returns:
            A value in [0, 1] for each statement; None where no usable judgement was to be had.
        """


class WordMatcher:
    """Goes by the words and numbers that statement and evidence share; `evals.agreement` shows how often it is right.

    It knows no synonyms and does not notice a "not".
    """

    def __init__(self, library: Library) -> None:
        """The library tells what words are common and what is a form of the same word."""
        self._library = library
        self.name = "words"

    def support(self, statements: Sequence[str], evidence: Sequence[str]) -> tuple[float | None, ...]:
        """See `Matcher.support`; 1 or 0."""
        return tuple(max((self._told(s, piece) for piece in evidence), default=0.0) for s in statements)

    def signs(self, statement: str, piece: str) -> dict[str, float]:
        """What the judgement goes by.

        Returns:
            `covered`: the share of the statement's information (see `features.information`) that lies in words which
            `piece` has too, in [0, 1]; `number_missing`: 1 if the statement has a number that `piece` has not, else 0.
        """
        terms = information(self._library, dict.fromkeys(self._library.words.terms(statement)))
        covered = term_share(frozenset(self._library.words.terms(piece)), terms)
        missing = set(_NUMBER.findall(statement)) - set(_NUMBER.findall(piece))
        return {"covered": covered, "number_missing": float(bool(missing))}

    def _told(self, statement: str, piece: str) -> float:
        return float(read(PARAMETERS).probability(self.signs(statement, piece)) >= 0.5)
