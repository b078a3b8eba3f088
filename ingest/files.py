"""Paths -> Pages: the files below the given paths, opened line by line within fixed bounds of memory."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

from ingest.clean import stored
from ingest.errors import SourceMissing
from ingest.records import Line, Page, Rejection, Warned

MAX_LINE_BYTES = 1_000_000
"""A longer line holds no abstract; it is skipped without being kept in memory."""
SUFFIXES = (".txt", ".jsonl", ".ndjson", ".md", ".text")
"""What is looked at inside a folder; a file named by itself may be called anything."""


def find(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Lists the files below `paths` with their origins, in a stable order.

    Args:
        paths: Files and folders; folders are walked, hidden names and links out of them are left out.

    Raises:
        SourceMissing: One of the paths does not exist.
    """
    found: dict[Path, str] = {}
    for path in paths:
        try:
            root = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise SourceMissing(path) from error
        if root.is_dir():
            for file in sorted(root.rglob("*")):
                relative = file.relative_to(root)
                hidden = any(part.startswith(".") for part in relative.parts)
                if file.suffix.lower() in SUFFIXES and not hidden and _is_inside(file, root):
                    found.setdefault(file.resolve(), _origin(root.name, relative))
        elif root.is_file():
            found.setdefault(root, _origin(root.parent.name, Path(root.name)))
        else:
            raise SourceMissing(path)
    return list(found.items())


def _is_inside(file: Path, root: Path) -> bool:
    return file.is_file() and file.resolve().is_relative_to(root)


def _origin(folder: str, relative: Path) -> str:
    """One line of text that can be stored, whatever bytes the file's name is made of."""
    return stored(os.fsencode(f"{folder}/{relative.as_posix()}").decode("utf-8", "replace"))


def open_page(path: Path, origin: str, warnings: list[Warned]) -> Page | Rejection:
    """Opens one file.

    Args:
        path: The file.
        origin: What citations will call it.
        warnings: Receives a note when the file is not UTF-8 and is read as Latin-1.

    Returns:
        The page, or why it is none: unreadable, empty, or binary.
    """
    try:
        start = _first_bytes(path)
    except OSError as error:
        return Rejection(origin, f"cannot be opened: {error.strerror}")
    if not start.strip():
        return Rejection(origin, "the file is empty")
    if b"\0" in start and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Rejection(origin, "a binary file; expected text")
    lines = _lines(path, origin, warnings)
    head = tuple(islice(lines, 20))
    return Page(origin, head, chain(head, lines))


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8192)


def _lines(path: Path, origin: str, warnings: list[Warned]) -> Iterator[Line]:
    with path.open("rb") as file:
        utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        file.seek(0)
        if utf16:
            yield Line(1, "", "UTF-16 text; save the page as UTF-8")
            return
        latin = False
        for number, raw in enumerate(_bounded(file), start=1):
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
