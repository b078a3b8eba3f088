"""Page -> Papers: the Atom feed of arXiv's API."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.clean import is_link
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import year
from ingest.sources.paper import Metadata, make_paper
from ingest.sources.xml_records import records, root, text


def recognises(page: Page) -> bool:
    """Whether the file is an Atom feed."""
    name, attributes = root(page)
    return name == "feed" and "http://www.w3.org/2005/Atom" in attributes


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each entry; an error that the API reports in an entry is a rejection."""
    for line, entry in records(page, ["entry"]):
        address = text(entry, "id").strip()
        if "/api/errors" in address:
            yield Rejection(f"{page.origin}:{line}", f"arXiv reports an error: {text(entry, 'summary').strip()[:200]}")
            continue
        told = Metadata(
            authors=tuple(text(author, "name") for author in entry.iterfind("author")),
            year=year(text(entry, "published").strip()),
            venue=text(entry, "journal_ref"),
            categories=tuple(category.get("term", "") for category in entry.iterfind("category")),
            doi=text(entry, "doi"),
            url=address if is_link(address) else None,
        )
        yield make_paper(Source(page.origin, line, ""), text(entry, "title"), text(entry, "summary"), told)
