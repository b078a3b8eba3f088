"""HTML -> record: one paper's own page, by the `citation_...` tags that reference managers read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from lxml.html import HtmlElement  # type: ignore[import-untyped]  # it carries no types

from ingest.sources.fields import turned


def papers(page: HtmlElement) -> Iterator[Mapping[str, object]]:
    """Yields a record, if the page is about one paper."""
    told: dict[str, list[str]] = {}
    for tag in page.iter("meta"):
        name = (tag.get("name") or tag.get("property") or "").lower()
        told.setdefault(name, []).append(tag.get("content", ""))
    title = next(iter(told.get("citation_title", [])), "")
    if not title:
        return
    yield {
        "title": title,
        "abstract": _first(told, "citation_abstract") or _shown(page),
        "authors": [turned(name) for name in told.get("citation_author", [])],
        "year": _first(told, "citation_publication_date", "citation_online_date", "citation_date")[:4],
        "venue": _first(told, "citation_journal_title", "citation_conference_title"),
        "arxiv": _first(told, "citation_arxiv_id"),
        "doi": _first(told, "citation_doi"),
        "url": _first(told, "og:url", "citation_abstract_html_url"),
    }


def _shown(page: HtmlElement) -> str:
    """The abstract as readers see it, on arXiv, in the ACL Anthology, elsewhere."""
    places = chain(
        (quote for quote in page.find_class("abstract") if quote.tag == "blockquote"),
        (span for box in page.find_class("acl-abstract") for span in box.iter("span")),
        (part for box in page.xpath("//*[@id='abstract']") for part in box.iter("p")),
    )
    return next((str(place.text_content()).strip().removeprefix("Abstract:") for place in places), "")


def _first(told: Mapping[str, list[str]], *names: str) -> str:
    return next((told[name][0] for name in names if told.get(name)), "")
