"""HTML -> record: one paper's own page, by the `citation_...` tags that reference managers read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup

from ingest.sources.fields import turned


def papers(soup: BeautifulSoup) -> Iterator[Mapping[str, object]]:
    """Yields a record, if the page is about one paper."""
    told: dict[str, list[str]] = {}
    for tag in soup.find_all("meta"):
        name = str(tag.get("name") or tag.get("property") or "").lower()
        told.setdefault(name, []).append(str(tag.get("content", "")))
    title = next(iter(told.get("citation_title", [])), "")
    if not title:
        return
    shown = soup.select_one("blockquote.abstract, .acl-abstract span, #abstract p")
    abstract = shown.get_text().strip().removeprefix("Abstract:") if shown else ""
    yield {
        "title": title,
        "abstract": next(iter(told.get("citation_abstract", [])), abstract),
        "authors": [turned(name) for name in told.get("citation_author", [])],
        "year": _first(told, "citation_publication_date", "citation_online_date", "citation_date")[:4],
        "venue": _first(told, "citation_journal_title", "citation_conference_title"),
        "arxiv": _first(told, "citation_arxiv_id"),
        "doi": _first(told, "citation_doi"),
        "url": _first(told, "og:url", "citation_abstract_html_url"),
    }


def _first(told: Mapping[str, list[str]], *names: str) -> str:
    return next((told[name][0] for name in names if told.get(name)), "")
