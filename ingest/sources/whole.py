"""Page -> text: what a reader needs that cannot go line by line, within a bound of memory."""

from __future__ import annotations

from ingest.errors import PageUnreadable
from ingest.records import Page


def whole(page: Page, most: int) -> bytes:
    """All bytes of `page`.

    Raises:
        PageUnreadable: There are more than `most`, or they cannot be unpacked.
    """
    with page.data() as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise PageUnreadable(f"more than {most:,} bytes; a file of this format must be held whole: cut it in parts")
    return content


def text(content: bytes) -> str:
    """`content` decoded as UTF-8, else as Latin-1, without a byte order mark."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def opening(page: Page) -> str:
    """The first characters of `page`, white space and byte order mark in front removed."""
    return page.start.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
