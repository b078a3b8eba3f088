"""Page -> Papers: picks the reader by the page's content, and yields all it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Protocol, cast

from ingest.errors import PageUnreadable, UnknownFormat
from ingest.records import Page, Paper, Rejection, Warned

Found = Paper | Rejection | Warned


class Reader(Protocol):
    """A module of `ingest.sources`."""

    recognises: Callable[[Page], bool]
    read: Callable[[Page], Iterator[Found]]


READERS = {
    "saved-page": "saved_page",
    "parquet": "parquet",
    "pdf": "pdf",
    "html": "html_page",
    "pubmed": "pubmed",
    "arxiv-atom": "arxiv_atom",
    "oai-pmh": "oai_pmh",
    "acl-anthology": "acl_anthology",
    "endnote": "endnote",
    "json": "json_document",
    "jsonl": "json_lines",
    "ris": "ris",
    "bibtex": "bibtex",
    "markdown": "markdown",
    "csv": "table",
}
"""Format -> module, in the order in which they are asked."""
FORMATS = ("auto", *READERS)


def read(page: Page, page_format: str = "auto") -> Iterator[Found]:
    """Yields every paper of `page`, and a notice for everything that is none.

    Args:
        page: The opened page.
        page_format: A key of `READERS`, or "auto" to go by content.
    """
    found = 0
    try:
        name = _format(page) if page_format == "auto" else page_format
        for item in _module(name).read(page) if name else _unknown(page):
            found += 1
            yield item
        if not found:
            yield Rejection(page.origin, f"no paper in it (read as {name})")
    except PageUnreadable as error:
        yield Rejection(page.origin, error.why)


def check_format(page_format: str) -> None:
    """Raises UnknownFormat unless `page_format` is one of `FORMATS`."""
    if page_format not in FORMATS:
        raise UnknownFormat(page_format, FORMATS)


def _format(page: Page) -> str | None:
    """The first format that recognises the page."""
    return next((name for name in READERS if _module(name).recognises(page)), None)


def _unknown(page: Page) -> Iterator[Found]:
    fault = next((line.fault for line in page.head if line.fault), None)
    unknown = (
        "no known layout; expected a saved papers page, JSON lines or a table with title and abstract (see --column),"
        " or another format that `whichpapers ingest --help` names"
    )
    yield Rejection(page.origin, fault or unknown)


def _module(name: str) -> Reader:
    # Imported on first use: the libraries behind the readers take half a second together.
    return cast(Reader, import_module(f"ingest.sources.{READERS[name]}"))
