"""Page -> Papers: Markdown notes: front matter with title and abstract, or a heading a paper and its text below.

By itself a file is taken for such notes only if it says "abstract" somewhere; a README does not hold papers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import names, paper_of
from ingest.sources.whole import opening

_HEADING = re.compile(r"#{1,6}\s+(\S.*)")
_ABSTRACT = re.compile(r"(?i)(?:#{1,6}\s*|\*\*|__)?abstract(?:\*\*|__)?\s*(?:[:.—–-]+\s*(?:\*\*|__)?)?\s*(.*)$")
_MARKED = re.compile(r"(?im)^\s*(?:#{1,6}\s*abstract\b|(?:>\s*)?(?:\*\*|__)abstract\b|abstract:)")
_FIELD = re.compile(
    r"(?i)\s*(?:[-*]\s+)?(?:\*\*|__)?(authors?|year|venue|journal|doi|arxiv|url|link|code)(?:\*\*|__)?\s*:\s*(?:\*\*|__)?\s*(.+)$"
)
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]*)\)")


def recognises(page: Page) -> bool:
    """Whether the file has headings or front matter, and marks an abstract as such."""
    start = opening(page)
    looks = start.startswith("---") or re.search(r"(?m)^#{1,6}\s+\S", start)
    return bool(looks and _MARKED.search(start))


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper for each heading with text below it; where abstracts are marked, only those."""
    entry = _Entry(0, "")
    for line in page.lines:
        if line.fault:
            yield Rejection(f"{page.origin}:{line.number}", line.fault)
            continue
        heading = _HEADING.match(line.text.rstrip().rstrip("#").rstrip())
        if line.text.rstrip() == "---" and (line.number == 1 or entry.in_front):
            entry.in_front = not entry.in_front
            entry.line = entry.line or line.number
        elif heading and _ABSTRACT.match(line.text) and not _ABSTRACT.match(line.text)[1]:  # type: ignore[index]
            entry.begin_abstract("")
        elif heading:
            yield from entry.told(page)
            entry = _Entry(line.number, *_without_links(heading[1]))
        else:
            entry.take(line.text)
    yield from entry.told(page)


class _Entry:
    """What stands below one heading."""

    def __init__(self, line: int, title: str, url: str = "") -> None:
        self.line, self.in_front, self._closed, self._marked = line, False, False, False
        self._fields: dict[str, object] = {"title": title, "url": url}
        self._text: list[str] = []

    def begin_abstract(self, text: str) -> None:
        """What follows is the abstract; what stood before it was not."""
        self._text, self._closed, self._marked = [text] if text else [], False, True

    def take(self, text: str) -> None:
        """Adds a line: a field, or a part of the abstract, which ends where a second paragraph begins."""
        own = _ABSTRACT.match(text.strip().removeprefix(">").strip())
        front = re.match(r"(\w+):\s*(.*)$", text) if self.in_front else None
        field = _FIELD.match(text)
        if front:
            self._fields[front[1].lower()] = front[2].strip().strip("\"'")
        elif own and not (own[1] and own[1][0].islower()):
            self.begin_abstract(own[1])
        elif field:
            value, url = _without_links(field[2])
            self._fields.setdefault(field[1].lower(), url or value.strip(" *_"))
        elif text.strip() and not self._closed:
            self._text.append(text.strip().removeprefix(">").strip())
        elif self._text:
            self._closed = True

    def told(self, page: Page) -> Iterator[Paper | Rejection]:
        """The paper, if there is text that may be its abstract."""
        text = self._fields.get("abstract") or " ".join(self._text)
        if text and self.line and (self._marked or self._fields.get("abstract") or not _MARKED.search(opening(page))):
            authors = self._fields.get("authors") or self._fields.get("author")
            named = names(str(authors).strip("[]").replace(", ", "; ")) if authors else ()
            record = {**self._fields, "abstract": text, "authors": list(named)}
            yield paper_of(record, Source(page.origin, self.line, ""), page.columns)


def _without_links(text: str) -> tuple[str, str]:
    """`text` with links as their words, and the address of the first."""
    first = _LINK.search(text)
    return _LINK.sub(r"\1", text), first[2] if first else ""
