"""Paper, vectors <-> columns of library.db."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from zlib import crc32

import numpy as np

from ingest.encode import Vectors
from ingest.records import Paper, Source

SINCE_2 = {"venue": "NULL", "categories": "'[]'", "arxiv": "NULL", "doi": "NULL"}
"""Columns that a library of version 1 lacks, and what is read instead where it is only read."""
TOLD = ("digest", "authors", "year", "url", "code_urls", "sources", *SINCE_2)
"""What may change while the text stays."""
ALL = ("id", "title", "abstract", "links", *TOLD)
_AS_JSON = ("authors", "links", "code_urls", "sources", "categories")
_KEPT = np.dtype("<f2")


def values(paper: Paper, columns: Iterable[str]) -> list[str | int | None]:
    """What these columns hold of `paper`."""
    told = ((column, getattr(paper, column)) for column in columns)
    return [_json(value) if column in _AS_JSON else value for column, value in told]


def paper(row: Sequence[Any]) -> Paper:
    """The work of columns ALL."""
    record = dict(zip(ALL, row, strict=True))
    return _from_record(record | {name: json.loads(record[name]) for name in _AS_JSON})


def entry(record: str) -> Paper:
    """The entry that `entry_json` wrote."""
    return _from_record(json.loads(record))


def entry_json(entry: Paper) -> str:
    """An entry whole."""
    return json.dumps(asdict(entry), ensure_ascii=False)


def rounded(vectors: Vectors) -> Vectors:
    """`vectors` as they are kept: to 11 bits, which moves a cosine by 0.0005 at most."""
    return vectors.astype(_KEPT).astype(np.float32)


def packed(vectors: Vectors) -> tuple[int, int, bytes]:
    """Number of `vectors`, a check sum, and what is kept of them."""
    data = vectors.astype(_KEPT).tobytes()
    return len(vectors), crc32(data, len(vectors)), data


def vectors(rows: Iterable[tuple[str, Any, Any, Any]]) -> dict[str, Vectors]:
    """What was `packed` of each work, rounded; without what someone changed since, to whatever SQLite can hold."""
    whole = {paper_id: (count, data) for paper_id, count, check, data in rows if _is_whole(count, check, data)}
    numbers = np.frombuffer(b"".join(data for _, data in whole.values()), _KEPT).astype(np.float32)
    ends = np.cumsum([len(data) // _KEPT.itemsize for _, data in whole.values()])
    parts = np.split(numbers, ends[:-1]) if whole else []
    return {i: part.reshape(count, -1) for (i, (count, _)), part in zip(whole.items(), parts, strict=True)}


def _is_whole(count: Any, check: Any, data: Any) -> bool:
    is_so = isinstance(count, int) and isinstance(data, bytes) and crc32(data, count) == check
    return is_so and count > 0 and len(data) % (count * _KEPT.itemsize) == 0


def _json(values: Sequence[object]) -> str:
    return json.dumps([asdict(v) if isinstance(v, Source) else v for v in values], ensure_ascii=False)


def _from_record(record: Mapping[str, Any]) -> Paper:
    tuples = {name: tuple(record.get(name, ())) for name in ("authors", "links", "code_urls", "categories")}
    sources = tuple(Source(**source) for source in record["sources"])
    return Paper(**{**record, **tuples, "digest": bool(record["digest"]), "sources": sources})
