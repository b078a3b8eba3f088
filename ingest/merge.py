"""Paper -> work: which entries are one work, and what that work then says.

Candidates come from locality-sensitive hashing, so the cost of an entry does not grow with the library.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt
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

_NOTICE = re.compile(
    r"(?i)\W*(?:(?:author|publisher)s?['’]?s? )?(?:erratum|errata|corrigendum|corrigenda|correction|addendum|retraction"
    r"|retracted|withdrawal|expression of concern|comments? on|(?:response|rejoinder|reply) to)\b"
)
"""How titles of notes about another paper begin; such a note often repeats that paper's abstract."""

_NUMBERS = re.compile(r"\d+|\b(?:ii|iii|iv|vi|vii|viii|ix)\b")


def bands(paper: Paper) -> tuple[str, ...]:
    """The keys under which `paper` is found again: bands of MinHash over title words and abstract trigrams, and ids."""
    ids = ((kind, value) for kind, value in (("arxiv", paper.arxiv), ("doi", paper.doi)) if value)
    return (*_text_bands(paper.title, paper.abstract), *(f"{kind}:{value}" for kind, value in ids))


def same_work(one: Paper, other: Paper) -> bool:
    """Whether two entries are one work: a preprint and its retitled version, or one title in LaTeX and in plain.

    Similarities are normalised indel similarities in [0, 1] of the searchable text. A digest is written in other
    words than its abstract, so between the two the title alone must decide.
    """
    if bool(_NOTICE.match(one.title)) != bool(_NOTICE.match(other.title)):
        return False
    if one.digest != other.digest:
        return _same_title(one, other, 0.97)
    abstract = _similarity(one.abstract, other.abstract)
    if abstract >= 0.9 and min(len(_words(one.abstract)), len(_words(other.abstract))) >= _TELLING_WORDS:
        return True
    return _same_title(one, other, 0.9) and (abstract >= 0.6 or _one_is_cut(one.abstract, other.abstract))


def same_id(one: Paper, other: Paper) -> bool:
    """Whether ids mean one work: always for arXiv and DOI, else where title and abstract both agree somewhat.

    Unrelated abstracts have a similarity of at most 0.48 (3,000 pairs of bench/papers_160k.jsonl.gz).
    """
    if (one.arxiv and one.arxiv == other.arxiv) or (one.doi and one.doi == other.doi):
        return True
    if one.id != other.id:
        return False
    if one.id.startswith(("arxiv:", "doi:", "pmid:")):
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
        venue=next((e.venue for e in ranked if e.venue), None),
        categories=tuple(dict.fromkeys(chain.from_iterable(e.categories for e in ranked))),
        arxiv=next((e.arxiv for e in ranked if e.arxiv), None),
        doi=next((e.doi for e in ranked if e.doi), None),
        url=next((e.url for e in ranked if e.url), None),
        code_urls=tuple(dict.fromkeys(chain.from_iterable(e.code_urls for e in ranked))),
        sources=tuple(sorted(chain.from_iterable(e.sources for e in ranked), key=lambda s: (s.origin, s.line))),
    )


@lru_cache(4_096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W_]+", searchable(text).casefold()))


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


@lru_cache(4_096)
def _text_bands(title: str, abstract: str) -> tuple[str, ...]:
    words = _words(abstract)
    trigrams = {" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
    return (*_banded("t", set(_words(title))), *_banded("a", trigrams))


def _banded(prefix: str, shingles: set[str]) -> list[str]:
    values = _signature(shingles).tolist()
    starts = range(0, _PERMUTATIONS, _ROWS)
    return [f"{prefix}{start}:" + "-".join(f"{v:x}" for v in values[start : start + _ROWS]) for start in starts]


def _signature(shingles: set[str]) -> npt.NDArray[np.uint32]:
    """MinHash: of each of 64 permutations of the 32-bit hashes, the least value. Shape (64,)."""
    heads = b"".join(hashlib.sha1(shingle.encode(), usedforsecurity=False).digest()[:4] for shingle in shingles)
    hashes = np.frombuffer(heads, dtype="<u4").copy()
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):  # the finaliser of MurmurHash3 (A. Appleby)
        hashes = (hashes ^ (hashes >> np.uint32(shift))) * np.uint32(factor)
    factors, summands = _permutations()
    permuted = factors * hashes[:, np.newaxis] + summands
    return np.asarray(permuted.min(axis=0, initial=np.uint32(0xFFFFFFFF)))


@cache
def _permutations() -> npt.NDArray[np.uint32]:
    """Odd factors and summands: h -> factor * h + summand mod 2**32. Shape (2, 64), the same in every library."""
    draw = np.random.RandomState(1).randint
    factors = draw(0, 1 << 31, _PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return np.array([factors, draw(0, 1 << 32, _PERMUTATIONS, dtype=np.uint32)])
