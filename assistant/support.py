"""Sentence, cited sentences -> support: whether a sentence says no more than those it cites, without a language model.

Lexical and vector support are fair at ranking sentences by support and blind to what they turn round; they catch what
has another subject, another number, or nothing to do with its source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from assistant.features import information, term_share
from assistant.weights import read
from ingest import Library

PARAMETERS = Path(__file__).with_name("support.json")
"""Fitted by evals/fit_support.py."""

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*")


def support(library: Library, sentence: str, cited: Sequence[str]) -> float:
    """The probability that `cited`, with the title of their paper among them, support `sentence`, in [0, 1].

    0 when nothing is cited, or when `sentence` has a number that `cited` do not have.
    """
    source = " ".join(cited)
    if not cited or new_numbers(sentence, source):
        return 0.0
    return float(read(PARAMETERS).probability(signs(library, sentence, cited)))


def signs(library: Library, sentence: str, cited: Sequence[str]) -> dict[str, float]:
    """What tells of support: the share of the sentence's information that its source has, and how near they are."""
    terms = information(library, library.words.terms(sentence))
    held = frozenset(library.words.terms(" ".join(cited)))
    vectors = library.encoder.encode([sentence, " ".join(cited), *cited])
    return {"terms_held": term_share(held, terms), "near": float(max(vectors[1:] @ vectors[0]))}


def new_numbers(sentence: str, source: str) -> set[str]:
    """The numbers written in digits in `sentence` that `source` does not have."""
    return _numbers(sentence) - _numbers(source)


def _numbers(text: str) -> set[str]:
    return {number.replace(",", "") for number in _NUMBER.findall(text)}
