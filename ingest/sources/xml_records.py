"""Page -> elements: the records of an XML file, one at a time, within bounds of memory, depth and token size.

Straight over expat, so that a record's line is known. Declared entities are refused, nothing outside is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ingest.errors import PageUnreadable
from ingest.records import Page
from ingest.sources.whole import opening

MAX_TOKEN_BYTES = 1_000_000
MAX_RECORD_CHARS = 10_000_000
MAX_DEPTH = 256
_CHUNK = 65_536

_ROOT = re.compile(r"<(?![?!])(?:[\w.-]+:)?([\w.-]+)([^<>]*)")


def root(page: Page) -> tuple[str, str]:
    """The name of the first element and the text of its attributes; both empty where the page is no XML."""
    start = opening(page)
    found = _ROOT.search(start) if start.startswith("<") else None
    return (found[1], found[2]) if found else ("", "")


def records(page: Page, names: Collection[str]) -> Iterator[tuple[int, Element]]:
    """Yields each outermost element whose local name is among `names`, with its line; namespaces are left out.

    Raises:
        PageUnreadable: It is no well-formed XML, declares entities, or exceeds a bound; what came before stands.
    """
    reader = _Reader(names)
    with page.data() as file:
        while chunk := file.read(_CHUNK):
            reader.feed(chunk)
            yield from reader.take()
    reader.end()
    yield from reader.take()


def text(element: Element | None, path: str = ".") -> str:
    """All text below the first element at `path`, or nothing."""
    found = element.find(path) if element is not None else None
    return "".join(found.itertext()) if found is not None else ""


class _Reader:
    """The handlers of one parse."""

    def __init__(self, names: Collection[str]) -> None:
        self._names, self._depth, self._fed = names, 0, 0
        self._builder: TreeBuilder | None = None
        self._opened_at, self._line, self._chars = 0, 0, 0
        self._done: list[tuple[int, Element]] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._stop
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._entity

    def feed(self, chunk: bytes) -> None:
        self._parse(chunk, last=False)
        self._fed += len(chunk)
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN_BYTES + _CHUNK:
            raise PageUnreadable(f"a tag of more than {MAX_TOKEN_BYTES:,} bytes")

    def end(self) -> None:
        self._parse(b"", last=True)

    def take(self) -> list[tuple[int, Element]]:
        done, self._done = self._done, []
        return done

    def _parse(self, chunk: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            reason = expat.errors.messages[error.code]
            raise PageUnreadable(f"not well-formed XML: {reason} (line {error.lineno}); read until there") from error
        except (ValueError, LookupError) as error:
            raise PageUnreadable(f"XML in an encoding that is not known: {error}") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PageUnreadable(f"XML nested deeper than {MAX_DEPTH} elements")
        local = name.rpartition(" ")[2]
        if self._builder is None and local in self._names:
            self._builder, self._opened_at, self._chars = TreeBuilder(), self._depth, 0
            self._line = self._parser.CurrentLineNumber
        if self._builder is not None:
            self._builder.start(local, {key.rpartition(" ")[2]: value for key, value in attributes.items()})
            self._count(len(local) + sum(map(len, attributes.values())))

    def _stop(self, name: str) -> None:
        if self._builder is not None:
            self._builder.end(name.rpartition(" ")[2])
            if self._depth == self._opened_at:
                self._done.append((self._line, self._builder.close()))
                self._builder = None
        self._depth -= 1

    def _text(self, data: str) -> None:
        if self._builder is not None:
            self._builder.data(data)
            self._count(len(data))

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > MAX_RECORD_CHARS:
            raise PageUnreadable(f"a record of more than {MAX_RECORD_CHARS:,} characters (line {self._line})")

    def _entity(self, name: str, *_: object) -> None:
        raise PageUnreadable(f"the XML declares an entity ({name[:40]!r}); such files are not read")
