"""Page -> Papers: EndNote XML, which Zotero and other reference managers write too."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import paper_of, turned
from ingest.sources.whole import opening
from ingest.sources.xml_records import records, root, text


def recognises(page: Page) -> bool:
    """Whether the file is a list of EndNote's records."""
    return (root(page)[0] == "xml" and "<records" in opening(page)) or root(page)[0] == "records"


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each record."""
    for line, record in records(page, ["record"]):
        authors = (text(author).strip() for author in record.iterfind("contributors/authors/author"))
        told = {
            "title": text(record, "titles/title"),
            "abstract": text(record, "abstract"),
            "authors": [turned(name) for name in authors],
            "year": text(record, "dates/year").strip(),
            "venue": text(record, "titles/secondary-title") or text(record, "periodical/full-title"),
            "doi": text(record, "electronic-resource-num").strip(),
            "url": text(record, "urls/related-urls/url").strip() or text(record, "urls/web-urls/url").strip(),
        }
        yield paper_of(told, Source(page.origin, line, ""), page.columns)
