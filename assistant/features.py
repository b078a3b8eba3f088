"""Query, papers -> features: in what ways, and how far, each candidate paper has to do with the question.

Every feature is absolute (a cosine, or a share of the question's information), so that it means the same in a library
of a hundred papers and of a hundred thousand.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from assistant.question_words import SAYS_NOTHING
from assistant.records import Query
from ingest import Library, Paper, Passage
from ingest.encode import Vectors
from ingest.split import sentences

Column = NDArray[np.float64]
"""One number a paper: shape (papers,)."""

Share = Callable[[Sequence["Reading"], Mapping[str, float]], Column]
"""Of the weight of some terms, what each paper has."""

_FEEDBACK_PAPERS = 8
_FEEDBACK_SENTENCES = 15
_FEEDBACK_TERMS = 20
_CROWD = 10
"""The similarity of the paper at this place to the best ones tells how many papers a subject has."""
_COMMON = 0.2
"""A term in a larger share of all papers tells nothing about a subject."""

_SAYS_IT = 0.15
"""What a title, and a sentence, that has all the words of a thing left aside adds to a paper's nearness to it."""

JOINT = ("aspect_missing", "term_missing", "beyond_parts", "apart")
"""The features that tell whether there is an answer; of a paper's relevance they tell no more than the others do."""

_MAX_KEPT = 2_000
"""Readings kept in memory, of 40 kB each."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A candidate paper as it is compared with a question."""

    paper: Paper
    passages: tuple[Passage, ...]
    """The abstract's sentences; the whole abstract where it has none."""
    whole: Vectors
    """Of title and abstract, shape (dimension,): the mean of its sentences."""
    vectors: Vectors
    """Of `passages`, shape (len(passages), dimension)."""
    terms: Counter[str]
    """Of title and abstract."""
    title_terms: frozenset[str]
    sentence_terms: tuple[frozenset[str], ...]
    """Of each of `passages`."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question in the forms that papers are compared with."""

    question: Vectors
    """Of the question, shape (dimension,)."""
    content: Vectors
    """Of its aspects alone, shape (dimension,)."""
    aspects: Vectors
    """Of each aspect, shape (aspects, dimension)."""
    excluded: Vectors
    """Of each thing that the question leaves aside, shape (things, dimension)."""
    excluded_terms: tuple[Mapping[str, float], ...]
    """The index terms of each such thing with their shares of its information, summing to 1."""
    terms: Mapping[str, float]
    """The index terms of the aspects with their shares of the question's information, summing to 1."""
    ways: tuple[Mapping[str, float], ...]
    """The same of the aspects of each of the query's `ways` alone."""
    aspect_terms: tuple[Mapping[str, float], ...]
    """The index terms of each aspect with their shares of its information, summing to 1."""
    aspect_shares: Column
    """The share of each aspect in the question's information, summing to 1: shape (aspects,)."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the papers that look best at first sight have in common (pseudo-relevance feedback)."""

    centre: Vectors
    """Of those papers, shape (dimension,)."""
    sentence_centre: Vectors
    """Of the sentences nearest to the question, shape (dimension,)."""
    terms: Mapping[str, float]
    """Terms frequent there and rare elsewhere, weights summing to 1 (RM3: Abdul-Jaleel et al., TREC 2004)."""


_READINGS: WeakKeyDictionary[Library, dict[tuple[str, str], Reading]] = WeakKeyDictionary()
"""What was read of each open library, by paper id and hash of its text: reading takes half of a question's time."""


def read(library: Library, ids: Sequence[str]) -> list[Reading]:
    """Reads the papers with these ids, in this order; those whose vectors are not there yet are left out."""
    kept = _READINGS.setdefault(library, {})
    papers = library.papers(ids)
    new = {paper.id: paper for paper in papers if (paper.id, paper.sha256) not in kept}
    passages = library.passages(new)
    vectors = library.vectors.of({paper_id: len(found) for paper_id, found in passages.items()})
    fresh = {paper_id: _reading(library, new[paper_id], passages[paper_id], rows) for paper_id, rows in vectors.items()}
    readings = [kept.get((paper.id, paper.sha256)) or fresh.get(paper.id) for paper in papers]
    if len(kept) > _MAX_KEPT:
        kept.clear()
    kept.update({(paper_id, reading.paper.sha256): reading for paper_id, reading in fresh.items()})
    return [replace(reading, paper=paper) for reading, paper in zip(readings, papers, strict=True) if reading]


def probe(library: Library, query: Query) -> Probe:
    """Encodes `query` and weighs its terms."""
    content = " ".join(query.aspects)
    vectors = library.encoder.encode([query.sought, content, *query.aspects, *query.excluded])
    aspects, excluded = np.split(vectors[2:], [len(query.aspects)])
    ways = [" ".join(query.aspects[i] for i in way) for way in query.ways]
    things = [" ".join(w for w in thing.split() if w.lower() not in SAYS_NOTHING) for thing in query.excluded]
    terms, of_ways, aspect_terms, excluded_terms = (
        tuple(information(library, library.words.terms(text)) for text in texts)
        for texts in ([content], ways, query.aspects, things)
    )
    shares = np.array([sum(terms[0].get(term, 0.0) for term in held) for held in aspect_terms], dtype=np.float64)
    shares /= max(shares.sum(), 1e-9)
    return Probe(vectors[0], vectors[1], aspects, excluded, excluded_terms, terms[0], of_ways, aspect_terms, shares)


def information(library: Library, terms: Iterable[str]) -> dict[str, float]:
    """The share of each of `terms` in their information: inverse document frequency (BM25's), summing to 1."""
    papers = len(library)
    weights = {term: _idf(papers, library.words.document_frequency(term)) for term in terms}
    total = sum(weights.values())
    return {term: weight / total for term, weight in weights.items()}


def feedback(library: Library, asked: Probe, readings: Sequence[Reading]) -> Feedback:
    """Gathers what the best of `readings` (at least one) have in common."""
    first_sight = sentence_best(readings, [asked.question, asked.content]).sum(axis=0) + 0.5 * (
        _asked_share(_paper_share, readings, asked) + _asked_share(_sentence_share, readings, asked)
    )
    order = np.argsort(-first_sight, kind="stable")
    background = first_sight[order[: 3 * _FEEDBACK_PAPERS + 1]].min()
    best = [(readings[i], float(first_sight[i] - background) + 1e-6) for i in order[:_FEEDBACK_PAPERS]]
    centre = np.sum([weight * reading.whole for reading, weight in best], axis=0)
    return Feedback(unit(centre), _sentence_centre(asked, readings), _feedback_terms(library, best))


def features(query: Query, asked: Probe, found: Feedback, readings: Sequence[Reading]) -> dict[str, Column]:
    """Every feature of every paper; cosines in [-1, 1], shares in [0, 1].

    Returns:
        By name, in the order of `readings` (at least one).
    """
    question, content, common, *said = sentence_best(
        readings, [asked.question, asked.content, found.sentence_centre, *asked.aspects]
    )
    like_best, *whole = _whole(readings, [found.centre, *asked.aspects])
    near = np.maximum(said, whole)
    paper_terms = _asked_share(_paper_share, readings, asked)
    return {
        "question": question,
        "content": content,
        "aspects": _either(near.mean(axis=0), [near[list(way)].mean(axis=0) for way in query.ways]),
        "paper_terms": paper_terms,
        "sentence_terms": _asked_share(_sentence_share, readings, asked),
        "feedback": like_best,
        "feedback_sentence": common,
        "feedback_paper_terms": _paper_share(readings, found.terms),
        "feedback_sentence_terms": _sentence_share(readings, found.terms),
        "best_paper_terms": np.full(len(readings), paper_terms.max()),
        "crowd": np.full(len(readings), np.sort(like_best)[-min(_CROWD, len(readings))]),
        "asks_fact": np.full(len(readings), float(query.kind == "fact")),
        **joint(query.ways, asked, readings, near),
    }


def joint(
    ways: Sequence[Sequence[int]], asked: Probe, readings: Sequence[Reading], near: NDArray[np.float64]
) -> dict[str, Column]:
    """How far each paper has all that the question joins, and not one half of it only.

    Args:
        ways: See `Query.ways`; what is told of a paper is told of the way that it goes best.
        asked: The question.
        readings: The papers.
        near: Cosine of each aspect to each paper: shape (aspects, papers).

    Returns:
        By name in JOINT: `aspect_missing` and `term_missing`, the largest share of the question's information that
        lies in one aspect, or in one term, which the paper does not cover, in [0, 1]; `beyond_parts`, how much nearer
        the paper is to the whole question than the question's chief aspect is, in [-2, 2]; `apart`, how much nearer
        the aspects come to a paper each than all to one, the same for every paper, in [0, 2].
    """
    nearest = near.max(axis=1, keepdims=True)
    said = np.stack([_paper_share(readings, terms) for terms in asked.aspect_terms])
    covered = np.maximum(said, np.clip(2 * near / np.maximum(nearest, 1e-9) - 1, 0, 1))
    (whole,) = _whole(readings, [asked.content])
    missing, apart = [], []
    for way in map(list, ways):
        shares = asked.aspect_shares[way, None] / max(asked.aspect_shares[way].sum(), 1e-9)
        missing.append((shares * (1 - covered[way])).max(axis=0))
        apart.append(float((shares * nearest[way]).sum() - (shares * near[way]).sum(axis=0).max()))
    return {
        "aspect_missing": np.min(missing, axis=0),
        "term_missing": np.array([min(_largest_missing(r.terms.keys(), way) for way in asked.ways) for r in readings]),
        "beyond_parts": whole - float((asked.aspects @ asked.content).max()),
        "apart": np.full(len(readings), min(apart)),
    }


def left_aside(asked: Probe, readings: Sequence[Reading]) -> Column:
    """How far each paper is about something that the question leaves aside, in [0, 1].

    Nearness alone tells too little of a thing named in passing, and words alone too much: each adds to the other.
    """
    if not len(asked.excluded):
        return np.zeros(len(readings))
    said = [
        np.array(term_shares([r.title_terms for r in readings], terms)) + _sentence_share(readings, terms)
        for terms in asked.excluded_terms
    ]
    nearness = sentence_best(readings, asked.excluded) + _SAYS_IT * np.array(said)
    return np.asarray(np.clip((nearness.max(axis=0) - 0.45) / 0.1, 0, 1))


def sentence_best(readings: Sequence[Reading], vectors: Sequence[Vectors] | Vectors) -> NDArray[np.float64]:
    """Cosine of each of `vectors` (at least one) to the nearest sentence of each paper: shape (vectors, papers)."""
    rows = [reading.vectors for reading in readings]
    near = np.asarray(vectors) @ np.concatenate(rows).T
    return np.asarray(np.maximum.reduceat(near, _starts(rows), axis=1), dtype=np.float64)


def _whole(readings: Sequence[Reading], vectors: Sequence[Vectors]) -> NDArray[np.float64]:
    """Cosine of each of `vectors` (at least one) to each paper: shape (vectors, papers)."""
    near = np.asarray(vectors) @ np.stack([reading.whole for reading in readings]).T
    return np.asarray(near, dtype=np.float64)


def _starts(parts: Sequence[Sized]) -> NDArray[np.int64]:
    """Where each of `parts` begins in all of them, one after the other."""
    return np.cumsum([0, *map(len, parts[:-1])])


def _paper_share(readings: Sequence[Reading], terms: Mapping[str, float]) -> Column:
    return np.array(term_shares([reading.terms.keys() for reading in readings], terms))


def _either(together: Column, apart: Sequence[Column]) -> Column:
    """What a paper has of all that a question names, and the most of what would do: half of each.

    Who asks for one thing "or" another is content with one, and means the papers that have both in the first place.
    """
    return np.asarray((together + np.max(apart, axis=0)) / 2)


def _asked_share(share: Share, readings: Sequence[Reading], asked: Probe) -> Column:
    return _either(share(readings, asked.terms), [share(readings, terms) for terms in asked.ways])


def _largest_missing(held: Container[str], terms: Mapping[str, float]) -> float:
    return max((share for term, share in terms.items() if term not in held), default=0.0)


def _sentence_share(readings: Sequence[Reading], terms: Mapping[str, float]) -> Column:
    held = [(reading.title_terms, *reading.sentence_terms) for reading in readings]
    return np.maximum.reduceat(term_shares(chain.from_iterable(held), terms), _starts(held))


def term_share(held: AbstractSet[str], terms: Mapping[str, float]) -> float:
    """The share of the weight of `terms` that `held` has."""
    return term_shares([held], terms)[0]


def term_shares(sets: Iterable[AbstractSet[str]], terms: Mapping[str, float]) -> list[float]:
    """The share of the weight of `terms` that each of `sets` has."""
    sought = frozenset(terms)
    return [math.fsum(map(terms.__getitem__, both)) if (both := held & sought) else 0.0 for held in sets]


def _sentence_centre(asked: Probe, readings: Sequence[Reading]) -> Vectors:
    sentences = np.concatenate([reading.vectors for reading in readings])
    near = sentences @ (asked.question + asked.content)
    order = np.argsort(-near, kind="stable")[:_FEEDBACK_SENTENCES]
    weights = near[order] - near[order].min() + 0.02
    return unit(weights @ sentences[order])


def _feedback_terms(library: Library, best: Sequence[tuple[Reading, float]]) -> dict[str, float]:
    empty = set(library.words.terms(" ".join(SAYS_NOTHING)))
    papers = len(library)
    ceiling = max(1.0, _COMMON * papers)
    weights: dict[str, float] = {}
    for reading, weight in best:
        length = reading.terms.total()
        for term, count in reading.terms.items():
            holding = library.words.document_frequency(term)
            if len(term) > 2 and term not in empty and holding <= ceiling:
                weights[term] = weights.get(term, 0.0) + weight * count / length * _idf(papers, holding)
    chosen = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_FEEDBACK_TERMS]
    total = sum(weight for _, weight in chosen)
    return {term: weight / total for term, weight in chosen}


def _reading(library: Library, paper: Paper, passages: Sequence[Passage], vectors: Vectors) -> Reading:
    said = tuple(sentences(passages))
    title = library.words.terms(paper.title)
    held = [library.words.terms(paper.abstract[passage.start : passage.end]) for passage in said]
    terms = Counter(chain(title, *held))
    in_sentences = tuple(map(frozenset, held))
    return Reading(paper, said, vectors[0], vectors[-len(said) :], terms, frozenset(title), in_sentences)


def _idf(papers: int, holding: int) -> float:
    return math.log(1 + (papers - holding + 0.5) / (holding + 0.5))


def unit(vector: Vectors) -> Vectors:
    """`vector` at unit length."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), dtype=np.float32)
