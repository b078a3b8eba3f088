"""Text -> Page, and entries -> the text of a saved page in either layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import chain, islice

from ingest.records import Line, Page, Paper, Rejection, Warned

BANNER = "Get trending papers in your email inbox"


def page(text: str, origin: str = "pages/one.txt", columns: Mapping[str, str] | None = None) -> Page:
    """A page as `files.open_page` makes it, without a file."""
    lines = (Line(number, line) for number, line in enumerate(text.split("\n"), start=1))
    head = tuple(islice(lines, 20))
    content = text.encode("utf-8", "surrogatepass")
    return Page(origin, head, chain(head, lines), content[:8192], lambda: BytesIO(content), columns or {})


def glued(entries: Iterable[tuple[str, str]]) -> str:
    """The layout with a line a title, a line an abstract, and the button glued to the first title."""
    body = "\n".join(f"{title}\n{abstract}" for title, abstract in entries)
    return f"{BANNER} once a day!\n{BANNER}!\nSubscribe{body}\n"


def spaced(entries: Iterable[tuple[str, str]]) -> str:
    """The layout with blank lines between everything, and header lines of their own."""
    header = ["new", f"{BANNER}!", "Subscribe", "byAK and the research community", "Mar 14"]
    return "\n\n".join([*header, *chain.from_iterable(entries)]) + "\n"


def papers(found: Iterable[Paper | Rejection | Warned]) -> list[Paper]:
    return [item for item in found if isinstance(item, Paper)]


def pairs(found: Iterable[Paper | Rejection | Warned]) -> list[tuple[str, str]]:
    return [(paper.title, paper.abstract) for paper in papers(found)]


def rejections(found: Sequence[Paper | Rejection | Warned]) -> list[Rejection]:
    return [item for item in found if isinstance(item, Rejection)]


def warned(found: Sequence[Paper | Rejection | Warned]) -> list[Warned]:
    return [item for item in found if isinstance(item, Warned)]
