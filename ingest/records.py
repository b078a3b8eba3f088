"""The nouns of ingest: Page -> Paper -> Passage, and what an ingest reports."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import IO
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page, as a reader sees it."""

    number: int
    """Position in the file, from 1."""
    text: str
    """The line without its line break; empty when `fault` is set."""
    fault: str | None = None
    """Why the line could not be read (too long, say), or None."""


@dataclass(frozen=True, slots=True)
class Page:
    """A file that can be read: its name and its lines, read once and lazily, or its bytes."""

    origin: str
    """Where it came from: the path below the folder that was ingested, the folder's name first."""
    head: tuple[Line, ...]
    """The first lines (at most 20), by which a reader recognises its format."""
    lines: Iterator[Line]
    """Every line, `head` included."""
    start: bytes = b""
    """The first bytes (at most 8 KiB), unpacked, by which a reader recognises a format that is not made of lines."""
    data: Callable[[], IO[bytes]] = BytesIO
    """Opens the bytes, unpacked, from the beginning; the caller closes what it opened."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What a user says a record calls its fields: our name to the record's, as {"title": "Name"}."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place where a paper was seen."""

    origin: str
    """The page's origin."""
    line: int
    """The line of the title, from 1."""
    title: str
    """The title as it stands there."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A work: one title, one abstract, and every place where it was seen."""

    id: str
    """An explicit id in the source, else arXiv id, else DOI, else the title's slug."""
    title: str
    abstract: str
    """Stored text: what quotes are cut from. Never changed for searching (see `clean.searchable`)."""
    digest: bool = False
    """True when `abstract` is a digest written in other words, not the authors' abstract."""
    authors: tuple[str, ...] = ()
    year: int | None = None
    """Year of publication, or None where no source gives it."""
    venue: str | None = None
    """Journal or conference, as the source writes it."""
    categories: tuple[str, ...] = ()
    """Subjects, as the source writes them: "cs.LG", say."""
    arxiv: str | None = None
    """arXiv id without its version."""
    doi: str | None = None
    """In lower case."""
    url: str | None = None
    links: tuple[str, ...] = ()
    """Every http(s) address in the abstract, in order."""
    code_urls: tuple[str, ...] = ()
    """Those of `links` that lead to a code host, and what the source gives as the paper's code."""
    sources: tuple[Source, ...] = ()
    """In order of (origin, line)."""

    @property
    def address(self) -> str | None:
        """Where the paper can be read: what its source says, else what arXiv id or DOI stand for; never a guess."""
        by_id = f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else None
        return self.url or by_id or (f"https://doi.org/{quote(self.doi, safe='/:;()')}" if self.doi else None)

    @property
    def sha256(self) -> str:
        """Hash of title and abstract: the text that a quote is checked against."""
        return hashlib.sha256(f"{self.title}\n{self.abstract}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Passage:
    """What has a vector of its own: ordinal 0 is the whole abstract, 1..n its sentences, in order."""

    paper_id: str
    ordinal: int
    start: int
    """First character in the abstract, from 0."""
    end: int
    """One past the last character."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a user should know about one place in a source."""

    where: str
    """`origin:line`, or the origin alone."""
    why: str


class Rejection(Notice):
    """An entry that could not be read; nothing of it is in the library."""

    __slots__ = ()


class Warned(Notice):
    """An entry or page that was read, with something to know about it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest did. Each entry read is in exactly one of the counts from `added` to `left_out`."""

    read: int
    """Entries seen in the sources."""
    works: int
    """Works in the library afterwards."""
    added: int
    """Entries that became a new work."""
    updated: int
    """Entries that changed the text of a work that was there."""
    unchanged: int
    """Entries that were there already, from the same place, with the same text."""
    merged: int
    """Entries folded into a work that was there, its text unchanged."""
    rejected: int
    rejections: tuple[Rejection, ...] = ()
    warnings: tuple[Warned, ...] = ()
    left_out: int = 0
    """Entries of works that were removed by hand."""
    removed: int = 0
    """Entries removed because their sources hold them no longer; under `sync` only, and not in `read`."""
    seconds: float = field(default=0.0, compare=False)

    def to_dict(self) -> dict[str, object]:
        """The report as plain JSON values."""
        return asdict(self)
