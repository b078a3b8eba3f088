"""Page -> Papers: picks the reader by the page's content, and yields all it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ingest.errors import UnknownFormat
from ingest.records import Page, Paper, Rejection, Warned
from ingest.sources import json_lines, saved_page

Reader = Callable[[Page], Iterator[Paper | Rejection | Warned]]

READERS = {"saved-page": saved_page, "jsonl": json_lines}
FORMATS = ("auto", *READERS)


def read(page: Page, page_format: str = "auto") -> Iterator[Paper | Rejection | Warned]:
    """Yields every paper of `page`, and a notice for everything that is none.

    Args:
        page: The opened page.
        page_format: A key of `READERS`, or "auto" to go by content.
    """
    reader = _reader(page, page_format)
    if reader is None:
        fault = next((line.fault for line in page.head if line.fault), None)
        unknown = "no known layout; expected a saved papers page or JSON lines with title and abstract"
        yield Rejection(page.origin, fault or unknown)
        return
    yield from reader(page)


def check_format(page_format: str) -> None:
    """Raises UnknownFormat unless `page_format` is one of `FORMATS`."""
    if page_format not in FORMATS:
        raise UnknownFormat(page_format, FORMATS)


def _reader(page: Page, page_format: str) -> Reader | None:
    if page_format != "auto":
        named: Reader = READERS[page_format].read
        return named
    fitting: Reader | None = next((module.read for module in READERS.values() if module.recognises(page)), None)
    return fitting
