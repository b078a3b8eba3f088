"""Paper -> work: which entries are one work, and what that work then says.

Candidates come from locality-sensitive hashing, so the cost of an entry does not grow with the library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from rapidfuzz import fuzz

from ingest.clean import searchable
from ingest.records import Paper

_PERMUTATIONS, _ROWS = 64, 4
"""16 bands of 4 rows: two texts whose shingles overlap by 0.6 share a band with probability 0.89, by 0.8 with 0.9998
(Broder 1997; banding as in Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4)."""


_TELLING_WORDS = 20
"""An abstract of fewer words ("No abstract available.") may be that of many papers; one real one in 25,000 is."""

_CUT_WORDS = 10
"""The beginning of an abstract that was cut off identifies it from so many words on."""

_NUMBERS = re.compile(r"\d+|\b(?:ii|iii|iv|vi|vii|viii|ix)\b")


def bands(paper: Paper) -> tuple[str, ...]:
    """The keys under which `paper` is found again: bands of MinHash over title words and over abstract trigrams."""
    title, abstract = _words(paper.title), _words(paper.abstract)
    trigrams = {" ".join(abstract[i : i + 3]) for i in range(max(1, len(abstract) - 2))}
    return (*_banded("t", set(title)), *_banded("a", trigrams))


def same_work(one: Paper, other: Paper) -> bool:
    """Whether two entries are one work: a preprint and its retitled version, or one title in LaTeX and in plain.

    Similarities are normalised indel similarities in [0, 1] of the searchable text. A digest is written in other
    words than its abstract, so between the two the title alone must decide.
    """
    if one.digest != other.digest:
        return _same_title(one, other, 0.97)
    abstract = _similarity(one.abstract, other.abstract)
    if abstract >= 0.9 and min(len(_words(one.abstract)), len(_words(other.abstract))) >= _TELLING_WORDS:
        return True
    return _same_title(one, other, 0.9) and (abstract >= 0.6 or _one_is_cut(one.abstract, other.abstract))


def same_id(one: Paper, other: Paper) -> bool:
    """Whether equal ids mean one work: always for arXiv and DOI, else where title and abstract both agree somewhat.

    Unrelated abstracts have a similarity of at most 0.48 (3,000 pairs of bench/papers_160k.jsonl.gz).
    """
    if one.id != other.id:
        return False
    if one.id.startswith(("arxiv:", "doi:")):
        return True
    alike = _similarity(one.title, other.title) >= 0.6 and _similarity(one.abstract, other.abstract) >= 0.5
    return alike and one.digest == other.digest


def represent(work_id: str, entries: Iterable[Paper]) -> Paper:
    """The work that stands for `entries`: the fullest abstract (never a digest if there is one), all sources.

    The result does not depend on the order of `entries`.
    """
    ranked = sorted(entries, key=lambda e: (e.digest, -len(e.abstract), e.sources[0].origin, e.sources[0].line))
    best = ranked[0]
    return replace(
        best,
        id=work_id,
        authors=next((e.authors for e in ranked if e.authors), ()),
        year=next((e.year for e in ranked if e.year is not None), None),
        url=next((e.url for e in ranked if e.url), None),
        sources=tuple(sorted(chain.from_iterable(e.sources for e in ranked), key=lambda s: (s.origin, s.line))),
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", searchable(text).casefold())


def _same_title(one: Paper, other: Paper, least: float) -> bool:
    """Whether titles agree, their numbers in full: Part I is not Part II."""
    numbers = [sorted(_NUMBERS.findall(" ".join(_words(paper.title)))) for paper in (one, other)]
    return numbers[0] == numbers[1] and _similarity(one.title, other.title) >= least


def _one_is_cut(one: str, other: str) -> bool:
    """Whether one text is the beginning of the other."""
    short, long = sorted((_words(one), _words(other)), key=len)
    return len(short) >= _CUT_WORDS and fuzz.ratio(" ".join(short), " ".join(long[: len(short)])) >= 90


def _similarity(one: str, other: str) -> float:
    words = " ".join(_words(one)), " ".join(_words(other))
    return fuzz.ratio(*words) / 100 if any(words) else float(one == other)


def _banded(prefix: str, shingles: set[str]) -> list[str]:
    # Imported on first use: it takes half a second, and only an ingest that finds new text needs it.
    from datasketch import MinHash  # type: ignore[import-untyped]  # noqa: PLC0415  (it carries no types)

    signature = MinHash(num_perm=_PERMUTATIONS, seed=1)
    signature.update_batch([shingle.encode() for shingle in sorted(shingles)])
    values = signature.hashvalues
    return [
        f"{prefix}{start}:" + "-".join(f"{int(value):x}" for value in values[start : start + _ROWS])
        for start in range(0, _PERMUTATIONS, _ROWS)
    ]
