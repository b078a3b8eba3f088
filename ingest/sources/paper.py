"""Fields -> Paper: what every reader ends with, so that all formats are cleaned and bounded alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ingest.clean import code_urls, links, stored
from ingest.records import Paper, Rejection, Source

MAX_TITLE_CHARS = 500
MAX_ABSTRACT_CHARS = 50_000

_ARXIV = re.compile(
    r"(?:arxiv\.org/(?:abs|pdf)/|^arxiv:)\s*(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})", re.IGNORECASE
)
_DOI = re.compile(r"(?:doi\.org/|^doi:)\s*(10\.\d{4,9}/\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a source may say beside title and abstract."""

    id: str | None = None
    authors: tuple[str, ...] = ()
    year: int | None = None
    url: str | None = None
    digest: bool = False


def make_paper(source: Source, title: str, abstract: str, metadata: Metadata | None = None) -> Paper | Rejection:
    """Cleans and checks the fields of one entry.

    Returns:
        The paper with one source, or why the entry is none.
    """
    told = metadata or Metadata()
    title, abstract = stored(title), stored(abstract)
    where = f"{source.origin}:{source.line}"
    if not title:
        return Rejection(where, "an entry without a title")
    if not abstract:
        return Rejection(where, f"a title without an abstract: {title[:60]!r}")
    if len(title) > MAX_TITLE_CHARS:
        return Rejection(where, f"a title of {len(title):,} characters; at most {MAX_TITLE_CHARS} are read")
    if len(abstract) > MAX_ABSTRACT_CHARS:
        return Rejection(where, f"an abstract of {len(abstract):,} characters; at most {MAX_ABSTRACT_CHARS:,} are read")
    found = links(abstract)
    return Paper(
        id=identifier(title, told),
        title=title,
        abstract=abstract,
        digest=told.digest,
        authors=tuple(filter(None, map(stored, told.authors))),
        year=told.year,
        url=told.url,
        links=found,
        code_urls=code_urls(found),
        sources=(replace(source, title=title),),
    )


def identifier(title: str, told: Metadata) -> str:
    """The deterministic id: explicit, else arXiv, else DOI (both from the source's url), else the title's slug."""
    if told.id and (own := stored(told.id)[:200].strip()):
        return own
    if told.url and (arxiv := _ARXIV.search(told.url)):
        return f"arxiv:{arxiv[1].lower()}"
    if told.url and (doi := _DOI.search(told.url)):
        return f"doi:{doi[1].lower()}"
    return slug(title)


def slug(title: str) -> str:
    """Lower-case words of `title` joined by hyphens, at most 80 characters; long ones end in a hash."""
    plain = unicodedata.normalize("NFKD", title.casefold())
    words = re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))
    joined = "-".join(words)
    if joined and len(joined) <= 80:
        return joined
    return f"{joined[:68].rstrip('-')}-{hashlib.sha256(title.encode()).hexdigest()[:10]}".lstrip("-")


def text_field(record: Mapping[str, object], *names: str) -> str | None:
    """The first of the fields `names` that holds text, or None."""
    return next((value for name in names if isinstance(value := record.get(name), str) and value.strip()), None)
