"""Fields -> Paper: what every reader ends with, so that all formats are cleaned and bounded alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ingest.clean import code_urls, is_link, links, stored
from ingest.records import Paper, Rejection, Source

MAX_TITLE_CHARS = 500
MAX_ABSTRACT_CHARS = 50_000

_ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})"
_ARXIV = re.compile(rf"(?:arxiv\.org/(?:abs|pdf|html)/|10\.48550/arxiv\.|^arxiv:)\s*{_ARXIV_ID}", re.IGNORECASE)
_BARE_ARXIV = re.compile(rf"(?:arxiv:\s*)?{_ARXIV_ID}(?:v\d+)?", re.IGNORECASE)
_DOI = re.compile(r"(?:doi\.org/|^doi:)\s*(10\.\d{4,9}/\S+)", re.IGNORECASE)
_BARE_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ARXIV_DOI = "10.48550/arxiv."
"""The DOI that arXiv gives each of its papers; no second identifier."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a source may say beside title and abstract."""

    id: str | None = None
    authors: tuple[str, ...] = ()
    year: int | None = None
    venue: str | None = None
    categories: tuple[str, ...] = ()
    arxiv: str | None = None
    """With or without "arXiv:" and a version."""
    doi: str | None = None
    """With or without "doi:" or the resolver's address."""
    url: str | None = None
    code_urls: tuple[str, ...] = ()
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
    arxiv, doi = _arxiv(told), _doi(told)
    return Paper(
        id=stored(told.id or "")[:200].strip() or (arxiv and f"arxiv:{arxiv}") or (doi and f"doi:{doi}") or slug(title),
        title=title,
        abstract=abstract,
        digest=told.digest,
        authors=tuple(filter(None, map(stored, told.authors))),
        year=told.year,
        venue=stored(told.venue or "") or None,
        categories=tuple(dict.fromkeys(filter(None, map(stored, told.categories)))),
        arxiv=arxiv,
        doi=doi,
        url=told.url,
        links=found,
        code_urls=tuple(dict.fromkeys((*filter(is_link, map(stored, told.code_urls)), *code_urls(found)))),
        sources=(replace(source, title=title),),
    )


def _arxiv(told: Metadata) -> str | None:
    """The arXiv id that the source gives as such, as its id, or within an address or DOI."""
    bare = (_BARE_ARXIV.fullmatch(stored(text)) for text in (told.arxiv, told.id) if text)
    within = (_ARXIV.search(text) for text in (told.arxiv, told.url, told.doi) if text)
    return next((found[1].lower() for found in (*bare, *within) if found), None)


def _doi(told: Metadata) -> str | None:
    """The DOI that the source gives as such, or in its address; none where it says no more than the arXiv id."""
    text = stored(told.doi or "")
    match = _BARE_DOI.fullmatch(text) or _DOI.search(text) or (_DOI.search(told.url) if told.url else None)
    doi = match[match.lastindex or 0].lower() if match else None
    return None if doi is None or doi.startswith(_ARXIV_DOI) else doi


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
