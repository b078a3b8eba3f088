"""Page -> Papers: CSV or TSV with a header, its columns known by their names (`fields.NAMES`) or told by the user."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import could_be_records, paper_of

_DELIMITERS = ("\t", ",", ";", "|")


def recognises(page: Page) -> bool:
    """Whether the first line names a column of titles and one of abstracts."""
    return _delimiter(page) is not None


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each row; a cell may span lines."""
    faults: list[Rejection] = []
    rows = csv.reader(_texts(page, faults), delimiter=_delimiter(page) or ",")
    header: list[str] | None = None
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Rejection(f"{page.origin}:{line}", f"not a row of a table: {error}")
            continue
        yield from faults
        faults.clear()
        if row is None:
            return
        if header is None:
            header = [name.strip() for name in row]
        elif any(cell.strip() for cell in row):
            record = dict(zip(header, map(_plain, row), strict=False))
            yield paper_of(record, Source(page.origin, line, ""), page.columns)


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from running it (see `export`)."""
    return cell[1:] if cell[:2] in ("'=", "'+", "'-", "'@") else cell


def _texts(page: Page, faults: list[Rejection]) -> Iterator[str]:
    """The page's lines with their breaks; one that could not be read stands empty, and is told in `faults`."""
    for line in page.lines:
        if line.fault:
            faults.append(Rejection(f"{page.origin}:{line.number}", line.fault))
        yield f"{line.text}\n"


def _delimiter(page: Page) -> str | None:
    """What parts the cells of the header, if it is one."""
    first = next((line.text for line in page.head[:1]), "")
    for delimiter in _DELIMITERS:
        try:
            header = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            continue
        if could_be_records([name.strip() for name in header], page.columns):
            return delimiter
    return None
