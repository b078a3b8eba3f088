"""Libraries to test on, and what it takes for one to be whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest import Library, Settings
from ingest.project import Change
from ingest.records import Paper, Source
from ingest.vectors import encode
from tests.fakes import WordEncoder

TEXT = (
    "we study the rate of descent on curved spaces and show that a step along the steepest direction needs fewer "
    "evaluations when noise is small while memory grows with depth of networks trained on images from many sources"
)
WORDS = TEXT.split()

Found = dict[str, list[str]]


def find(library: Library) -> Found:
    """What every text finds first by each arm: its own paper, in a whole library."""
    found: Found = {"words": [], "vectors": []}
    for paper in library.store.every_paper():
        terms = [(term, 1.0) for term in library.words.terms(f"{paper.title} {paper.abstract}")]
        found["words"].append(library.words.search(terms, 1)[0][0])
        _, rows = encode(library.encoder, [Change(paper.id, paper, library.passages([paper.id])[paper.id])])
        found["vectors"].append(library.vectors.search(rows[0], 1)[0][0])
    return found


def assert_whole(library: Library) -> None:
    """Every paper is found by both arms, nothing is owed, nothing is there twice."""
    ids = [paper.id for paper in library.store.every_paper()]
    assert find(library) == {"words": ids, "vectors": ids}
    assert len(ids) == len(library.words) == len(library.vectors)
    assert [library.store.owed_count(target) for target in ("words", "vectors")] == [0, 0]


class CountingEncoder(WordEncoder):
    """Counts the texts that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = 0

    def encode(self, texts: Any) -> Any:
        self.texts += len(texts)
        return super().encode(texts)


def many(count: int) -> Iterator[Paper]:
    """Papers that have nothing in common but common words."""
    draw = random.Random(5)  # noqa: S311 (seeded)
    for n in range(count):
        title = " ".join(draw.sample(WORDS, 4)) + f" number{n}"
        abstract = " ".join(" ".join([f"a{n}s{s}", *draw.sample(WORDS, 6)]).capitalize() + "." for s in range(4))
        yield Paper(f"p{n:04}", title, abstract, sources=(Source("many.txt", n, title),))


def assert_repaired(path: Path, settings: Settings) -> None:
    with Library.open(path, settings, WordEncoder()) as library:
        assert_whole(library)
    encoder = CountingEncoder()
    Library.open(path, settings, encoder).close()
    assert encoder.texts == 0
