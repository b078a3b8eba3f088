"""Judgements by a model -> proof: an offline check that no judgement passes by; sentences have `assistant.support`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assistant.features import Reading, read
from assistant.records import Judgement, Query, Quote
from ingest import Library
from ingest.encode import Vectors

NEAR = 0.25
"""Least cosine of a sentence that shows something to the question or one of its phrasings: of the papers that a careful
reader found to belong, none came below 0.41; half of all others stay below 0.3 (decision 0005)."""


def near(library: Library, query: Query, judgements: Sequence[Judgement]) -> list[bool]:
    """Whether some sentence that each judgement rests on has to do with the question at all."""
    if not judgements:
        return []
    phrasings = library.encoder.encode([query.text, *query.criteria, *query.alternatives])
    readings = {reading.paper.id: reading for reading in read(library, [j.paper.id for j in judgements])}
    return [
        judgement.paper.id in readings
        and bool(np.max(_vectors(readings[judgement.paper.id], judgement.quotes) @ phrasings.T, initial=-1) >= NEAR)
        for judgement in judgements
    ]


def _vectors(reading: Reading, quotes: Sequence[Quote]) -> Vectors:
    """Of the sentences quoted, shape (n, dimension); the whole abstract where only its title is."""
    by_start = {passage.start: vector for passage, vector in zip(reading.passages, reading.vectors, strict=True)}
    found = [by_start[quote.start] for quote in quotes if quote.field == "abstract" and quote.start in by_start]
    return np.stack(found or [reading.whole])
