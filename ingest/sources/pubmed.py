"""Page -> Papers: PubMed XML, as its web site, its API and its yearly baseline give it."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import year
from ingest.sources.paper import Metadata, make_paper
from ingest.sources.xml_records import records, root, text


def recognises(page: Page) -> bool:
    """Whether the file is a set of PubMed articles, or one."""
    return root(page)[0] in ("PubmedArticleSet", "PubmedArticle")


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each article."""
    for line, article in records(page, ["PubmedArticle"]):
        citation = article.find("MedlineCitation")
        pmid = text(citation, "PMID").strip()
        told = Metadata(
            id=f"pmid:{pmid}" if pmid else None,
            authors=tuple(filter(None, map(_name, article.iterfind(".//AuthorList/Author")))),
            year=_year(article),
            venue=text(citation, "Article/Journal/Title") or text(citation, "MedlineJournalInfo/MedlineTA"),
            categories=tuple(text(name) for name in article.iterfind(".//MeshHeading/DescriptorName")),
            doi=text(article, "PubmedData/ArticleIdList/ArticleId[@IdType='doi']")
            or text(article, ".//ELocationID[@EIdType='doi']"),
            url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" if pmid.isdecimal() else None,
        )
        title = text(citation, "Article/ArticleTitle").strip()
        yield make_paper(Source(page.origin, line, ""), _unbracketed(title), _abstract(article), told)


def _abstract(article: Element) -> str:
    """The abstract; its parts begin with their labels, as PubMed shows them."""
    parts = article.findall("MedlineCitation/Article/Abstract/AbstractText")
    told = ((part.get("Label", ""), text(part).strip()) for part in parts)
    return " ".join(f"{label}: {body}" if label and label != "UNLABELLED" else body for label, body in told if body)


def _unbracketed(title: str) -> str:
    """PubMed puts a title in brackets that was translated into English."""
    bare = title.rstrip(".")
    return bare[1:-1] if bare.startswith("[") and bare.endswith("]") else title


def _year(article: Element) -> int | None:
    places = (".//JournalIssue/PubDate/Year", ".//JournalIssue/PubDate/MedlineDate", ".//ArticleDate/Year")
    return next((found for place in places if (found := year(text(article, place).strip()[:4]))), None)


def _name(author: Element) -> str:
    parts = (text(author, "ForeName"), text(author, "LastName"), text(author, "Suffix"))
    return " ".join(filter(None, parts)) or text(author, "CollectiveName")
