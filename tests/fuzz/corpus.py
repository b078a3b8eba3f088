"""Nothing -> inputs: what fuzzing found worth keeping, and the samples that it began with."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.fuzz.targets import ARCHIVE, REPLY, encode

CORPUS = Path(__file__).with_name("corpus.tar.xz")
"""The least inputs that reach all that was reached so far, each under the hash of its content, and what broke once."""
DICTIONARY = Path(__file__).with_name("words.dict")
"""What formats are made of, so that mutations meet them."""

REPLIES = (
    '{"papers": [{"paper": 1, "meets": [1, 2], "role": "uses", "sentences": [1]}]}',
    '```json\n{"question": "which?", "kind": "list", "criteria": ["a"], "alternatives": ["b"],}\n```',
    '<think>So.</think>{"supported": [1], "unsupported": [2]',
    '{"papers": [{"paper": 1, "cells": [{"column": 1, "value": "4 bits", "sentence": 1}]}]}',
    '{"contradictions": [{"sentence": 1, "paper": 1, "line": 1}]}',
    "1: A sentence. [1.1]\n| a | b | [1.0, 99.1]\nNOT STATED",
)
"""What models reply, well and badly."""

_SAMPLES = Path(__file__).parents[1] / "sources"
_MOST = 8_000


def inputs() -> Iterator[tuple[str, bytes]]:
    """Name and content of each input of the corpus."""
    if CORPUS.exists():
        with tarfile.open(CORPUS) as corpus:
            for info in corpus:
                file = corpus.extractfile(info)
                yield info.name, file.read() if file else b""


def write(found: Iterable[tuple[str, bytes]]) -> None:
    """Makes the corpus anew, of inputs with their names."""
    CORPUS.write_bytes(lzma.compress(_tar(dict(found)), preset=9))


def seeds() -> Iterator[tuple[str, bytes]]:
    """Every sample as its reader is given it, and packed in every way."""
    texts = {path.name: path.read_bytes()[:_MOST] for path in sorted(_SAMPLES.iterdir())}
    texts |= {f"{name}.parquet": content for name, content in _tables()}
    for name, content in texts.items():
        yield f"seed-{name}", encode("auto", content)
    few = {name: content[:2_000] for name, content in texts.items() if name in ("ris.ris", "csl.json", "bibtex.bib")}
    for number, packed in enumerate((_zip(few), _tar(few), gzip.compress(texts["ris.ris"], mtime=0))):
        yield f"seed-packed-{number}", encode(ARCHIVE, packed)
    yield "seed-pdf", encode("pdf", _pdf())
    for number, reply in enumerate(REPLIES):
        yield f"seed-reply-{number}", encode(REPLY, reply.encode())


def _tables() -> Iterator[tuple[str, bytes]]:
    import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415  (it carries no types)
    import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415

    table = pyarrow.table({"title": ["Bridges of Paper"], "abstract": ["We fold them."], "year": [2021]})
    for compression in ("none", "snappy"):
        file = io.BytesIO(b"")
        pyarrow.parquet.write_table(table, file, compression=compression)
        yield compression, file.getvalue()


def _zip(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO(b"")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _tar(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO(b"")
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def _pdf() -> bytes:
    content = b"BT /F1 18 Tf 60 700 Td (Bridges of Paper) Tj ET BT /F1 9 Tf 60 600 Td (Abstract We fold them.) Tj ET"
    return (
        b"%%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
        b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>\nendobj\n"
        b"4 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n"
        b"5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n"
        b"trailer << /Size 6 /Root 1 0 R >>\n%%%%EOF" % (len(content), content)
    )
