"""Paths -> Pages: the files below the given paths, opened line by line within fixed bounds of memory."""

from __future__ import annotations

import codecs
import glob
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple

from ingest.archives import members
from ingest.clean import stored
from ingest.errors import PageUnreadable, SourceMissing
from ingest.records import Line, Page, Rejection, Warned

MAX_LINE_BYTES = 1_000_000
"""A longer line holds no abstract; it is skipped without being kept in memory."""
SUFFIXES = (
    ".txt", ".text", ".md", ".markdown", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".bib", ".bibtex",
    ".ris", ".xml", ".atom", ".html", ".htm", ".pdf", ".gz", ".tgz", ".tar", ".zip",
)  # fmt: skip
"""What is looked at inside a folder or an archive; a file named by itself may be called anything."""
FETCHED = "fetched"
"""The folder, in that of the library, of files that were fetched."""
_BINARY_FORMATS = (b"PAR1", b"%PDF-")
_PACKED = (b"PK\x03\x04", b"\x1f\x8b")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Located(NamedTuple):
    """A file, and what citations will call it."""

    path: Path
    origin: str


Given = Path | Located


@contextmanager
def spooled(paths: Sequence[Path | str | Located]) -> Iterator[list[Given]]:
    """`paths`, with standard input in place of "-", laid aside in a file so that it can be read more than once."""
    with TemporaryDirectory() as folder:
        aside = Path(folder, "stdin", "input")
        if any(path in ("-", Path("-")) for path in paths):
            aside.parent.mkdir()
            with aside.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        yield [aside if path in ("-", Path("-")) else Path(path) if isinstance(path, str) else path for path in paths]


def is_url(path: Path | str | Located) -> bool:
    """Whether what is to be ingested is an address, and no path."""
    return isinstance(path, str) and _SCHEME.match(path) is not None


def find(paths: Iterable[Given]) -> list[tuple[Path, str]]:
    """Lists the files below `paths` with their origins, in a stable order.

    Args:
        paths: Files, folders and patterns such as `*.bib`; folders are walked, hidden names and links out of them are
            left out.

    Raises:
        SourceMissing: One of the paths does not exist, or a pattern fits nothing.
    """
    found: dict[Path, str] = {}
    for given in paths:
        if isinstance(given, Located):
            found.setdefault(given.path.resolve(), stored(given.origin))
    for path in chain.from_iterable(_fitting(given) for given in paths if isinstance(given, Path)):
        try:
            root = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise SourceMissing(path) from error
        if root.is_dir():
            for file in _within_folder(root):
                found.setdefault(file.resolve(), _origin(root.name, file.relative_to(root)))
        elif root.is_file():
            found.setdefault(root, _origin(root.parent.name, Path(root.name)))
        else:
            raise SourceMissing(path)
    return list(found.items())


def _within_folder(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
        if file.suffix.lower() in SUFFIXES and not hidden and _is_inside(file, root):
            yield file


def _fitting(path: Path) -> list[Path]:
    """The paths that a pattern stands for; a path that exists stands for itself, whatever it is called."""
    is_pattern = glob.has_magic(str(path)) and not os.path.lexists(path)
    return sorted(map(Path, glob.glob(str(path), recursive=True))) or [path] if is_pattern else [path]  # noqa: PTH207


def _is_inside(file: Path, root: Path) -> bool:
    return file.is_file() and file.resolve().is_relative_to(root)


def _origin(folder: str, relative: Path) -> str:
    """One line of text that can be stored, whatever bytes the file's name is made of."""
    return stored(os.fsencode(f"{folder}/{relative.as_posix()}").decode("utf-8", "replace"))


def open_pages(
    path: Path, origin: str, warnings: list[Warned], columns: Mapping[str, str] | None = None
) -> Iterator[Page | Rejection]:
    """Opens one file, and if it is an archive every file in it.

    Args:
        path: The file.
        origin: What citations will call it; a file in an archive is called `origin!name`.
        warnings: Receives a note when a page is not UTF-8 and is read as Latin-1.
        columns: See `Page.columns`.

    Yields:
        Each page, to be read before the next one is taken, or why there is none: unreadable, empty, or binary.
    """
    try:
        for member in members(path):
            if isinstance(member, Rejection):
                yield Rejection(_within(origin, member.where), member.why)
            elif not member.name:
                yield open_page(member.open, origin, warnings, columns)
            elif Path(member.name).suffix.lower() in SUFFIXES and not _is_hidden(member.name):
                yield open_page(member.open, _within(origin, member.name), warnings, columns)
    except OSError as error:
        yield Rejection(origin, f"cannot be opened: {error.strerror}")
    except PageUnreadable as error:
        yield Rejection(origin, error.why)


def open_page(
    data: Callable[[], IO[bytes]], origin: str, warnings: list[Warned], columns: Mapping[str, str] | None = None
) -> Page | Rejection:
    """Opens what `data` opens as a page; see `open_pages`.

    Raises:
        OSError: It cannot be opened.
    """
    try:
        with data() as file:
            start = file.read(8192)
        if not start.strip():
            return Rejection(origin, "the file is empty")
        if start.startswith(_PACKED):
            return Rejection(origin, "an archive within an archive; unpack the outer one")
        if start.startswith(_BINARY_FORMATS):
            return Page(origin, (), iter(()), start, data, columns or {})
        if b"\0" in start and not start.startswith(_UTF16):
            return Rejection(origin, "a binary file; expected text")
        lines = _lines(data, origin, warnings)
        head = tuple(islice(lines, 20))
    except PageUnreadable as error:
        return Rejection(origin, error.why)
    return Page(origin, head, chain(head, lines), start, data, columns or {})


def _within(origin: str, name: str) -> str:
    return f"{origin}!{stored(name.encode('utf-8', 'replace').decode('utf-8'))}"


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in Path(name).parts)


def _lines(data: Callable[[], IO[bytes]], origin: str, warnings: list[Warned]) -> Iterator[Line]:
    latin = False
    with data() as file:
        for number, raw in enumerate(_bounded(file), start=1):
            if number == 1 and raw is not None and raw.startswith(_UTF16):
                yield Line(1, "", "UTF-16 text; save the page as UTF-8")
                return
            if raw is None:
                yield Line(number, "", f"a line of more than {MAX_LINE_BYTES:,} bytes; no abstract is that long")
                continue
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                text = raw.decode("latin-1")
                if not latin:
                    warnings.append(Warned(f"{origin}:{number}", "not UTF-8; such lines were read as Latin-1"))
                latin = True
            yield Line(number, text)


def _bounded(file: IO[bytes]) -> Iterator[bytes | None]:
    """Yields each line without its break, or None for one that is longer than MAX_LINE_BYTES."""
    while raw := file.readline(MAX_LINE_BYTES + 1):
        if raw.endswith(b"\n") or len(raw) <= MAX_LINE_BYTES:
            yield raw.rstrip(b"\r\n")
            continue
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES)
        yield None
