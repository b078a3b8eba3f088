"""Library -> what is made of all its papers: titles in order, sources, examples, map; made anew once it was written."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar, cast

import numpy as np

from assistant.show.map import MAX_POINTS, Atlas, atlas
from assistant.show.topics import examples
from ingest import Library, Paper

T = TypeVar("T")

MAX_EXAMPLE_PAPERS = 3_000
"""Papers that examples are drawn from."""
MAX_SOURCES = 100
"""Sources that are offered to choose from."""


class Whole:
    """What a page shows of a library as a whole. Used by several threads."""

    def __init__(self, library: Library) -> None:
        """Of `library`, when it is asked for."""
        self._library = library
        self._made: dict[str, tuple[str | None, Any]] = {}
        """What was made, by name, and of which state of the library."""
        self._making = {name: threading.Lock() for name in ("titles", "sources", "examples", "map")}

    def titles(self) -> list[str]:
        """Ids of all papers, by title."""
        return self._once(
            "titles", lambda: [i for _, i in sorted((paper.title.casefold(), paper.id) for paper in self._every())]
        )

    def sources(self) -> list[str]:
        """Where papers were seen, the places with most papers first."""
        return self._once("sources", self._sources)

    def examples(self) -> list[str]:
        """Questions that the library should be able to answer."""
        return self._once("examples", lambda: examples(list(islice(self._every(), MAX_EXAMPLE_PAPERS))))

    def map(self) -> Atlas:
        """The library as a map."""
        self._library.refresh()
        return self._once("map", self._atlas)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` makes of all papers; made anew only when the library was written since."""
        with self._making[name]:
            state = self._library.store.recall("generation")
            if self._made.get(name, ("none", None))[0] != state:
                self._made[name] = state, make()
            return cast(T, self._made[name][1])

    def _sources(self) -> list[str]:
        seen = Counter(origin for paper in self._every() for origin in {source.origin for source in paper.sources})
        return [origin for origin, _ in sorted(seen.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_SOURCES]]

    def _atlas(self) -> Atlas:
        every = list(self._every())
        shown = every[:: max(1, -(-len(every) // MAX_POINTS))]
        vectors = self._library.vectors.wholes(paper.id for paper in shown)
        kept = [paper for paper in shown if paper.id in vectors]
        return atlas(kept, np.stack([vectors[paper.id] for paper in kept]), len(every))

    def _every(self) -> Iterator[Paper]:
        yield from self._library.store.every_paper()
