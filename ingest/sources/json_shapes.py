"""JSON object -> record: flattens the shapes in which known services nest what they say of a paper.

Known are the snapshot of arXiv's metadata, notes of OpenReview (API 1 and 2), items in CSL JSON (Zotero, Crossref),
papers of Hugging Face and of Semantic Scholar. Any other object is a record as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.sources.fields import word, year

Object = Mapping[str, Any]


def flat(item: Object) -> Object:
    """`item` as a record of plain values under names that `fields` knows."""
    inner = item.get("paper")
    if isinstance(inner, dict) and isinstance(inner.get("title"), str):
        item = inner
    if isinstance(item.get("content"), dict):
        return _openreview(item)
    if "authors_parsed" in item or "journal-ref" in item:
        return _arxiv(item)
    if "issued" in item or "container-title" in item or isinstance(item.get("author"), list):
        return _csl(item)
    if "upvotes" in item and "summary" in item:
        return _hugging_face(item)
    identifiers = item.get("externalIds")
    return {**item, **_lower(identifiers)} if isinstance(identifiers, dict) else item


def _arxiv(item: Object) -> Object:
    versions = item.get("versions")
    first = versions[0] if isinstance(versions, list) and versions else None
    created = first.get("created") if isinstance(first, dict) else None
    found = re.search(r"\b[12]\d{3}\b", created) if isinstance(created, str) else None
    parsed = item.get("authors_parsed")
    named = [_arxiv_name(name) for name in parsed if isinstance(name, list)] if isinstance(parsed, list) else None
    number = word(item.get("id"))
    return {
        **{name: item.get(name) for name in ("title", "abstract", "categories", "doi")},
        "authors": named or item.get("authors"),
        "year": found[0] if found else None,
        "venue": item.get("journal-ref"),
        "arxiv": number,
        "url": f"https://arxiv.org/abs/{number}" if number else None,
    }


def _arxiv_name(parts: list[Any]) -> str:
    """`["Doe", "Jane", "Jr"]` as "Jane Doe Jr"."""
    texts = [part if isinstance(part, str) else "" for part in [*parts, "", "", ""][:3]]
    return " ".join(filter(None, [texts[1], texts[0], texts[2]]))


def _openreview(item: Object) -> Object:
    content = {
        name: value.get("value") if isinstance(value, dict) else value for name, value in item["content"].items()
    }
    stamp = next((t for t in (item.get("pdate"), item.get("cdate")) if isinstance(t, int) and 0 < t < 4e12), None)
    forum = word(item.get("forum")) or word(item.get("id"))
    return {
        **content,
        "id": forum,
        "year": datetime.fromtimestamp(stamp / 1000, UTC).year if stamp else None,
        "url": f"https://openreview.net/forum?id={forum}" if forum else None,
        "categories": [content.get("primary_area")],
    }


def _csl(item: Object) -> Object:
    authors = item.get("author")
    people = [person for person in authors if isinstance(person, dict)] if isinstance(authors, list) else []
    return {
        "title": _only(item.get("title")),
        "abstract": _without_tags(item.get("abstract")),
        "authors": [_csl_name(person) for person in people] or authors,
        "year": _csl_year(item.get("issued")) or year(item.get("year")),
        "venue": _only(item.get("container-title")),
        "doi": item.get("DOI") or item.get("doi"),
        "arxiv": item.get("arxiv"),
        "url": item.get("URL") or item.get("url"),
    }


def _csl_name(person: Object) -> str:
    parts = (person.get(name) for name in ("given", "non-dropping-particle", "family", "literal", "name"))
    return " ".join(part for part in parts if isinstance(part, str))


def _csl_year(issued: Object | object) -> int | None:
    """The year of {"date-parts": [[2020, 5]]}, of {"raw": "2020-05"} or of plain text."""
    if not isinstance(issued, dict):
        return year(issued)
    dates = issued.get("date-parts")
    first = dates[0] if isinstance(dates, list) and dates else None
    return year(first[0]) if isinstance(first, list) and first else year(issued.get("raw"))


def _hugging_face(item: Object) -> Object:
    number = word(item.get("id"))
    return {
        **{name: item.get(name) for name in ("title", "authors")},
        "abstract": item.get("summary"),
        "year": item.get("publishedAt"),
        "code": item.get("githubRepo"),
        "arxiv": number,
        "url": f"https://huggingface.co/papers/{number}" if number else None,
    }


def _lower(item: Object) -> Object:
    return {name.lower(): value for name, value in item.items()}


def _only(value: object) -> object:
    """The first of a list of one kind of title (Crossref), or the value itself."""
    return value[0] if isinstance(value, list) and value else value


def _without_tags(value: object) -> object:
    """An abstract without the JATS or HTML tags that Crossref leaves in it."""
    return re.sub(r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>", " ", value) if isinstance(value, str) else value
