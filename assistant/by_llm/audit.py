"""Judged papers -> share of the relevant ones among them: an estimate from a seeded random audit of the others.

The offline judge gives each paper that the model did not read a probability of being relevant. How far these can be
believed is told by papers that it did read: the lower half of those judged in turn, and a few of the others, drawn at
random in proportion to their probability. With m relevant among them where the probabilities promised e, the factor by
which the probabilities are off has the posterior Gamma(1 + m, 1 + e), its prior having mean 1 (Poisson counts with
exposure: Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6). A paper that retrieval did not rank counts as
likely as the median of the last ten that it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from assistant.records import EstimatedRecall

_DRAWS = 20_000
_LEAST = 1e-6

Item = TypeVar("Item")


def draw(items: Sequence[Item], probabilities: Sequence[float], count: int, seed: str) -> list[Item]:
    """At most `count` of `items`, at random in proportion to `probabilities`, without repetition, in their order."""
    if not items:
        return []
    random = np.random.default_rng(_seed(seed))
    shares = np.maximum(probabilities, _LEAST)
    chosen = random.choice(len(items), min(count, len(items)), replace=False, p=shares / shares.sum())
    return [items[i] for i in sorted(chosen)]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What reading papers has shown of their probabilities."""

    promised: float
    """Sum of the probabilities: the relevant papers to be expected."""
    found: int
    """The relevant papers that there were."""


def estimate(relevant: int, promised: float, evidence: Evidence, seed: str) -> EstimatedRecall:
    """The share of all relevant papers that was found, with a 95 % interval.

    Args:
        relevant: Papers found relevant.
        promised: Sum of the probabilities of the papers that no one read.
        evidence: What tells how far these can be believed.
        seed: Of the draws.
    """
    if promised == 0:
        return EstimatedRecall(1.0, 1.0, 1.0)
    factors = np.random.default_rng(_seed(seed)).gamma(1 + evidence.found, 1 / (1 + evidence.promised), _DRAWS)
    recall = relevant / (relevant + factors * promised)
    low, middle, high = np.quantile(recall, [0.025, 0.5, 0.975])
    return EstimatedRecall(*(round(float(value), 3) for value in (middle, low, high)))


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
