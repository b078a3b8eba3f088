"""The map: papers beside their like, topics by name, numbers that can be read."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from assistant.show.map import HEIGHT, NUMBER_WIDTH, WIDTH, Atlas, Vectors, atlas, svg
from assistant.show.topics import examples, labels, phrases
from ingest import Paper

SUBJECTS = ("graph kernels", "newt ponds", "sparse pruning")


def papers(count: int) -> list[Paper]:
    return [
        Paper(f"p{n}", f"On {SUBJECTS[n % 3]} number {n}", f"Text of {SUBJECTS[n % 3]} and more.") for n in range(count)
    ]


def vectors(count: int) -> Vectors:
    random = np.random.default_rng(0)
    rows = np.eye(3, 8)[np.arange(count) % 3] + 0.05 * random.standard_normal((count, 8))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def drawn() -> Atlas:
    return atlas(papers(90), vectors(90), 90)


def test_papers_of_one_subject_lie_together_under_its_name(drawn: Atlas) -> None:
    subject_of = {point.id: int(point.id[1:]) % 3 for point in drawn.points}
    places = {point.id: np.array([point.x, point.y]) for point in drawn.points}
    ids, at = list(places), np.stack(list(places.values()))
    apart = np.hypot(*np.moveaxis(at[:, np.newaxis] - at[np.newaxis], 2, 0))
    np.fill_diagonal(apart, np.inf)
    near = [ids[i] for i in apart.argmin(axis=1)]
    same = [subject_of[one] == subject_of[other] for one, other in zip(places, near, strict=True)]
    assert sum(same) > 85
    named = {subject for subject in SUBJECTS for topic in drawn.topics if set(subject.split()) & words(topic.label)}
    assert named == set(SUBJECTS)
    assert sum(topic.papers for topic in drawn.topics) == 90


def test_the_map_is_the_same_each_time(drawn: Atlas) -> None:
    assert atlas(papers(90), vectors(90), 90) == drawn


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 10, 11])
def test_small_libraries_have_a_map_too(count: int) -> None:
    found = atlas(papers(count), vectors(count), count)
    assert len(found.points) == count
    assert all(0 <= point.x <= WIDTH and 0 <= point.y <= HEIGHT for point in found.points)
    assert svg(found, {}).count("<circle") == count


def test_papers_with_one_and_the_same_text_have_a_map() -> None:
    found = atlas(papers(12), np.tile(vectors(1), (12, 1)), 12)
    assert len(found.points) == 12


def test_numbers_of_cited_papers_can_each_be_read(drawn: Atlas) -> None:
    html = svg(drawn, {f"p{n}": n + 1 for n in range(0, 45, 3)})
    numbers = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="10"', html)]
    assert len(numbers) == 15
    close = [np.hypot(a[0] - b[0], a[1] - b[1]) for a, b in combinations(numbers, 2)]
    assert min(close) > NUMBER_WIDTH * 0.6


def words(label: str) -> set[str]:
    return set(label.replace(",", "").split())


def test_titles_are_text() -> None:
    bad = atlas([Paper('"><script>', '"><img src=x onerror=1>', "")], vectors(1), 1)
    assert "<script" not in svg(bad, {}) + svg(bad, {'"><script>': 1})
    assert "<img" not in svg(bad, {}) + svg(bad, {'"><script>': 1})


def test_labels_tell_groups_apart() -> None:
    every = papers(30)
    groups = [[paper for n, paper in enumerate(every) if n % 3 == subject] for subject in range(3)]
    for label, subject in zip(labels(groups), SUBJECTS, strict=True):
        assert words(label) & set(subject.split())


def test_examples_are_about_what_the_library_holds() -> None:
    asked = examples(papers(30))
    assert 0 < len(asked) <= 4
    assert all(any(word in question for subject in SUBJECTS for word in subject.split()) for question in asked)
    assert examples([]) == []


def test_a_phrase_stands_within_a_clause_and_in_no_link() -> None:
    text = "They prefer mice. Weather, moonlight: see https://owls.example/hunting www.owls.example"
    found = phrases(Paper("p", "Owls hunt", text))
    assert {"owls", "owls hunt", "prefer mice", "weather", "moonlight"} <= found
    assert not found & {"https", "www", "hunting", "mice weather", "weather moonlight", "hunt prefer"}
