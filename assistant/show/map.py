"""Vectors -> map: every paper a point beside those like it, coloured by topic; an SVG that shows itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from assistant.show.topics import labels
from ingest import Paper

Vectors = NDArray[np.float32]

MAX_POINTS = 4_000
"""Papers that a map shows; of a larger library, every n-th."""
MAX_TOPICS = 12
WIDTH, HEIGHT, MARGIN = 1000, 640, 28
NUMBER_WIDTH = 21
"""Across the number of a cited paper."""
TEXT_WIDTH = 7.4
"""Of a letter of a label, about."""


@dataclass(frozen=True, slots=True)
class Point:
    """A paper on the map."""

    id: str
    title: str
    x: float
    """From the left, in [0, WIDTH]."""
    y: float
    """From the top, in [0, HEIGHT]."""
    topic: int
    """Position among the map's topics."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Papers that lie together."""

    label: str
    x: float
    y: float
    papers: int


@dataclass(frozen=True, slots=True)
class Atlas:
    """A library as a map."""

    points: tuple[Point, ...]
    topics: tuple[Topic, ...]
    """The largest first."""
    papers: int
    """In the library; the map may show fewer."""


def atlas(papers: Sequence[Paper], vectors: Vectors, total: int) -> Atlas:
    """Lays out papers.

    Args:
        papers: To be shown.
        vectors: Of the papers, shape (papers, dimension), unit length.
        total: Papers in the library.
    """
    if not papers:
        return Atlas((), (), total)
    places = _spread(_project(vectors))
    groups = _group(places)
    named = labels([[papers[i] for i in group] for group in groups])
    topic_of = {i: topic for topic, group in enumerate(groups) for i in group}
    points = tuple(
        Point(paper.id, paper.title, round(float(x), 1), round(float(y), 1), topic_of[i])
        for i, (paper, (x, y)) in enumerate(zip(papers, places, strict=True))
    )
    middles = [np.median(places[group], axis=0) for group in groups]
    topics = tuple(
        Topic(label, round(float(x), 1), round(float(y), 1), len(group))
        for label, (x, y), group in zip(named, middles, groups, strict=True)
    )
    return Atlas(points, topics, total)


def svg(found: Atlas, cited: Mapping[str, int]) -> str:
    """The map as a figure.

    Args:
        found: What is where.
        cited: Numbers of the citations to point out, by paper id.
    """
    plain = "".join(map(_dot, (point for point in found.points if point.id not in cited)))
    called = [point for point in found.points if point.id in cited]
    places = _apart(called)
    numbers = "".join(_number(point, cited[point.id], place) for point, place in zip(called, places, strict=True))
    names = "".join(map(_name, range(len(found.topics)), found.topics, _rows(found.topics, places)))
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="Map of {len(found.points)} papers">'
        f'<g>{plain}</g><g class="names" aria-hidden="true">{names}</g><g>{numbers}</g></svg>'
    )


def _project(vectors: Vectors) -> Vectors:
    """The plane in which neighbours stay neighbours, shape (papers, 2)."""
    # Imported on first use: it takes a second, which opening the page should not.
    from sklearn.decomposition import PCA  # type: ignore[import-untyped]  # noqa: PLC0415
    from sklearn.manifold import TSNE  # type: ignore[import-untyped]  # noqa: PLC0415

    count = len(vectors)
    if count < 10:
        padded = np.pad(vectors, ((0, max(0, 2 - count)), (0, 0)))
        return np.asarray(PCA(2, random_state=0).fit_transform(padded)[:count], dtype=np.float32)
    perplexity = min(30.0, (count - 1) / 3)
    layout = TSNE(2, perplexity=perplexity, metric="cosine", init="random", random_state=0, max_iter=750)
    return np.asarray(layout.fit_transform(vectors), dtype=np.float32)


def _spread(places: Vectors) -> Vectors:
    """`places` moved and stretched to fill the figure."""
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    return np.asarray(MARGIN + (places - low) / np.maximum(high - low, 1e-6) * room, dtype=np.float32)


def _group(places: Vectors) -> list[list[int]]:
    """Positions of the papers that lie together, the largest group first."""
    from sklearn.cluster import KMeans  # type: ignore[import-untyped]  # noqa: PLC0415  (see _project)

    different = len(np.unique(places, axis=0))
    count = max(1, min(MAX_TOPICS, different, round(len(places) / 25)))
    kinds = KMeans(count, n_init=4, random_state=0).fit_predict(places)
    groups = [[int(i) for i in np.flatnonzero(kinds == kind)] for kind in range(count)]
    return sorted((group for group in groups if group), key=lambda group: (-len(group), group))


def _rows(topics: Sequence[Topic], numbers: Sequence[tuple[float, float]] = ()) -> list[float]:
    """Where each label stands from the top, so that it lies upon no other, nor on the number of a cited paper."""
    placed = [(x, y + 5, NUMBER_WIDTH / 2) for x, y in numbers]
    rows = []
    for topic in topics:
        half, y = len(topic.label) * TEXT_WIDTH / 2, topic.y
        while any(abs(topic.x - x) < half + other and abs(y - row) < 20 for x, row, other in placed):
            y += 4
        placed.append((topic.x, y, half))
        rows.append(min(y, HEIGHT - 6))
    return rows


def _apart(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Places for the numbers of these points: their own, or as near as lets each be read."""
    places = np.array([(point.x, point.y) for point in points], dtype=np.float64).reshape(-1, 2)
    order = np.sign(np.subtract.outer(np.arange(len(points)), np.arange(len(points)))).astype(np.float64)
    for _ in range(60):
        between = places[:, np.newaxis] - places[np.newaxis]
        distance = np.hypot(*np.moveaxis(between, 2, 0))
        between += np.where(distance < 1e-9, order, 0.0)[..., np.newaxis] * (1.0, 0.5)
        push = np.where(distance < NUMBER_WIDTH, (NUMBER_WIDTH - distance) / 4, 0.0)
        np.fill_diagonal(push, 0.0)
        direction = between / np.maximum(np.hypot(*np.moveaxis(between, 2, 0)), 1e-9)[..., np.newaxis]
        places += (push[..., np.newaxis] * direction).sum(axis=1)
        places = np.clip(places, MARGIN / 2, [WIDTH - MARGIN / 2, HEIGHT - MARGIN / 2])
    return [(float(x), float(y)) for x, y in places]


def _dot(point: Point) -> str:
    return (
        f'<circle class="t{point.topic}" data-paper="{escape(point.id)}" data-title="{escape(point.title)}"'
        f' cx="{point.x}" cy="{point.y}" r="4"/>'
    )


def _number(point: Point, number: int, place: tuple[float, float]) -> str:
    told, (x, y) = escape(point.title), place
    return (
        f'<g class="cited" data-paper="{escape(point.id)}" data-title="[{number}] {told}" tabindex="0" role="button"'
        f' aria-label="Cited paper {number}: {told}"><line class="t{point.topic}" x1="{point.x}" y1="{point.y}"'
        f' x2="{x:.1f}" y2="{y:.1f}"/><circle class="t{point.topic}" cx="{x:.1f}" cy="{y:.1f}" r="10"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}">{number}</text></g>'
    )


def _name(n: int, topic: Topic, y: float) -> str:
    half = len(topic.label) * TEXT_WIDTH / 2
    x = min(max(topic.x, half), WIDTH - half)
    return f'<text class="t{n}" x="{x:.1f}" y="{y:.1f}">{escape(topic.label)}</text>'
