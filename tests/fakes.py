"""Fakes: real behaviour without weights or a network."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from ingest.encode import Vectors


class WordEncoder:
    """An encoder without weights: each word is a fixed random direction, a text the mean of its words.

    Texts that share words are near each other, so retrieval over it behaves, at a thousandth of the time.
    """

    def __init__(self, name: str = "words-64", dimension: int = 64, fingerprint: str = "fixed") -> None:
        self.name, self.fingerprint, self._dimension = name, fingerprint, dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.stack([self._row(text) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def _row(self, text: str) -> Vectors:
        words = re.findall(r"\w+", text.casefold()) or [""]
        return np.asarray(np.sum([_direction(word, self._dimension) for word in words], axis=0))


@cache
def _direction(word: str, dimension: int) -> Vectors:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
    return np.asarray(np.random.default_rng(seed).standard_normal(dimension), dtype=np.float32)
