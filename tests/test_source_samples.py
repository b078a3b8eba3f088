"""Page -> Papers: every reader over a sample of its format, and over what is left of it when it is damaged.

The samples have the shape of the real thing, the text of the sample library, and people and numbers that are made up.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest.files import open_page
from ingest.read import FORMATS, READERS, read
from ingest.records import Page, Paper, Rejection, Warned
from tests.pages import papers, rejections

SOURCES = Path(__file__).with_name("sources")
COLUMNS = {"columns.tsv": {"title": "Name", "abstract": "What it says"}}
SAMPLE = [json.loads(line) for line in (SOURCES / "arxiv_snapshot.jsonl").read_text("utf-8").splitlines()]
TITLES = [" ".join(record["title"].split()) for record in SAMPLE]
ABSTRACTS = [" ".join(record["abstract"].split()) for record in SAMPLE]
ADA = ("Ada Example", "Bo Sample Jr")

ARXIV = ("arxiv:2101.00001", "arxiv:1907.01234", "arxiv:math/0501001")
DOI = ("doi:10.1000/ex.1", None, "doi:10.1000/ex.3")


def found(name: str, content: bytes | None = None, page_format: str = "auto") -> list[Paper | Rejection | Warned]:
    """All that `auto` makes of a sample, or of other content under its name."""
    text = (SOURCES / name).read_bytes() if content is None else content

    def data() -> object:
        from io import BytesIO  # noqa: PLC0415

        return BytesIO(text)

    page = open_page(data, name, [], COLUMNS.get(name))  # type: ignore[arg-type]  # BytesIO is an IO[bytes]
    return list(read(page, page_format)) if isinstance(page, Page) else [page]


def one(name: str, place: int = 0) -> Paper:
    return papers(found(name))[place]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("acl_anthology.xml", DOI), ("arxiv_abs.html", ARXIV[:1]), ("arxiv_atom.xml", ARXIV),
        ("arxiv_listing.html", ARXIV[:2]), ("arxiv_search.html", ARXIV), ("arxiv_snapshot.jsonl", ARXIV),
        ("bibtex.bib", (DOI[0], ARXIV[1], DOI[2])), ("columns.tsv", ("0", "1", "2")), ("csl.json", DOI),
        ("endnote.xml", DOI), ("hugging_face_api.json", ARXIV[:2]), ("hugging_face_daily.html", ARXIV),
        ("hugging_face_paper.html", ARXIV[:1]), ("hugging_face_search.html", ARXIV), ("markdown.md", ARXIV[:2]),
        ("oai_pmh.xml", ARXIV), ("openreview.json", ("Note0", "Note1", "Note2")),
        ("pubmed.xml", ("pmid:34000001", "pmid:34000002", "pmid:34000003")), ("ris.ris", DOI), ("zotero.csv", DOI),
    ],
)  # fmt: skip
def test_a_sample_is_recognised_and_every_paper_of_it_read(name: str, ids: tuple[str | None, ...]) -> None:
    read_papers = papers(found(name))
    assert [paper.title for paper in read_papers] == TITLES[: len(ids)]
    assert [paper.id for paper in read_papers if not paper.id.startswith("order-")] == [i for i in ids if i]
    for paper, abstract in zip(read_papers, ABSTRACTS, strict=False):
        said = paper.abstract.replace("BACKGROUND: ", "").replace(" RESULTS:", "")
        assert said == abstract
        assert not paper.digest
    lines = [paper.sources[0].line for paper in read_papers]
    assert lines == sorted(lines)
    assert lines[0] >= 1


def test_every_sample_is_listed_and_every_format_has_one() -> None:
    told = {name for name in READERS if name not in ("saved-page", "parquet", "pdf")}
    fitting = {
        name
        for name in FORMATS[1:]
        for sample in SOURCES.iterdir()
        if papers(found(sample.name, page_format=name)) == papers(found(sample.name)) != []
    }
    assert fitting >= told


@pytest.mark.parametrize(
    ("name", "year", "venue"),
    [
        ("arxiv_atom.xml", 2021, "Journal of Examples 12 (2021)"),
        ("arxiv_snapshot.jsonl", 2021, "Journal of Examples 12 (2021)"),
        ("oai_pmh.xml", 2021, "Journal of Examples 12 (2021)"),
        ("acl_anthology.xml", 2021, "Proceedings of the 1st Example Meeting"),
        ("bibtex.bib", 2021, "Proceedings of the 1st Example Meeting"),
        ("openreview.json", 2021, "Example Conf 2021 poster"),
        ("pubmed.xml", 2021, "Journal of examples"),
        ("hugging_face_daily.html", 2021, None),
        ("arxiv_listing.html", 2021, None),
        *((name, 2021, "Journal of Examples") for name in ("csl.json", "endnote.xml", "ris.ris", "zotero.csv")),
        ("markdown.md", 2021, "Journal of Examples"),
    ],
)
def test_authors_year_and_venue_are_what_the_source_says(name: str, year: int, venue: str | None) -> None:
    paper = one(name)
    assert (paper.authors, paper.year, paper.venue) == (ADA, year, venue)


@pytest.mark.parametrize("name", ["arxiv_atom.xml", "arxiv_snapshot.jsonl", "oai_pmh.xml", "csl.json", "ris.ris"])
def test_names_keep_their_accents_and_a_missing_value_is_none(name: str) -> None:
    assert one(name, 2).authors == ("José Muñoz", "Wei Zhang", "Ö. Örnek")
    assert one(name, 1).doi is None
    assert (one(name, 0).doi, one(name, 2).doi) == ("10.1000/ex.1", "10.1000/ex.3")


def test_bibtex_is_told_without_its_tex() -> None:
    assert [paper.authors for paper in papers(found("bibtex.bib"))] == [
        ADA, ("Chiara D'Esempio",), ("José Muñoz", "Wei Zhang", "Ö. Örnek"),
    ]  # fmt: skip
    assert one("bibtex.bib", 2).venue == "Journal of Examples"
    assert one("bibtex.bib", 1).arxiv == "1907.01234"


def test_bibtex_text_loses_its_commands_and_keeps_its_formulas() -> None:
    entry = (
        rb"@misc{a, title={Not \emph{all} of {$\mathcal{O}(k^{-3})$}},"
        rb" abstract={\textit{Italic words} and \texttt{code} cost 5\% --- G{\"o}del's~way.}}"
    )
    (paper,) = papers(found("a.bib", entry))
    assert paper.title == r"Not all of $\mathcal{O}(k^{-3})$"
    assert paper.abstract == "Italic words and code cost 5% — Gödel's way."


@pytest.mark.parametrize(
    ("authors", "names"),
    [
        ("Doe, Jane and Max Roe and others", ("Jane Doe", "Max Roe")),
        ("Jane Doe and\n others", ("Jane Doe",)),
        ("others", ()),
        ("Others, Ann and Bo Others", ("Ann Others", "Bo Others")),
        (
            "{Barnes and Noble} and {Inc., The} and Roe, {M. and} Ada",
            ("Barnes and Noble", "Inc., The", "M. and Ada Roe"),
        ),
    ],
)
def test_authors_of_bibtex_are_people_and_groups(authors: str, names: tuple[str, ...]) -> None:
    (paper,) = papers(found("a.bib", b"@misc{a, title={T}, abstract={A.}, author={%s}}" % authors.encode()))
    assert paper.authors == names


@pytest.mark.parametrize("name", ["arxiv_atom.xml", "arxiv_listing.html", "arxiv_search.html", "oai_pmh.xml"])
def test_categories_are_codes(name: str) -> None:
    assert one(name).categories == ("cs.LG", "stat.ML")


@pytest.mark.parametrize("name", ["hugging_face_daily.html", "hugging_face_search.html", "hugging_face_api.json"])
def test_code_that_a_source_names_is_kept(name: str) -> None:
    assert one(name).code_urls == ("https://github.com/example/one",)


def test_a_listing_without_abstracts_is_told_by_titles() -> None:
    (rejected,) = rejections(found("arxiv_listing.html"))
    assert rejected.where == "arxiv_listing.html:61"
    assert rejected.why.startswith("a title without an abstract: 'Order-agnostic")


def test_a_heading_without_an_abstract_is_no_paper_where_abstracts_are_marked() -> None:
    assert "Reading list" not in [paper.title for paper in papers(found("markdown.md"))]
    readme = b"# Tool\n\nIt does things.\n\n## Usage\n\nRun it.\n"
    assert [r.why[:15] for r in rejections(found("readme.md", readme))] == ["no known layout"]
    assert [paper.title for paper in papers(found("readme.md", readme, "markdown"))] == ["Tool", "Usage"]
    front = papers(found("front_matter.md"))[0]
    assert (front.title, front.year, front.doi) == (TITLES[2], 2005, "10.1000/ex.3")


@pytest.mark.parametrize("name", sorted(path.name for path in SOURCES.iterdir()))
def test_a_sample_cut_off_anywhere_gives_its_whole_papers_and_reasons_for_the_rest(name: str) -> None:
    content = (SOURCES / name).read_bytes()
    whole = {paper.id: paper for paper in papers(found(name))}
    for place in range(1, len(content), max(1, len(content) // 25)):
        for item in found(name, content[:place]):
            assert isinstance(item, Paper | Rejection | Warned)
            if isinstance(item, Paper) and item.id in whole and name.endswith((".xml", ".json", ".jsonl")):
                assert item.abstract == whole[item.id].abstract


@hypothesis_settings(max_examples=60)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(path.name for path in SOURCES.iterdir())))
def test_a_damaged_sample_never_fails(seed: int, name: str) -> None:
    chance = random.Random(seed)  # noqa: S311 (seeded)
    content = bytearray((SOURCES / name).read_bytes())
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(content))
        piece = chance.choice(
            [b"<", b">", b"&", b'"', b"{", b"}", b"\n", b"\0", b"\xff", b"]]>", b"@a{", b"ER  - ", b""]
        )
        end = place + chance.choice([0, 1, 5, 200])
        content[place:end] = piece * chance.choice([1, 3])
    for item in found(name, bytes(content)):
        assert isinstance(item, Paper | Rejection | Warned)
        f"{item}".encode()


@given(content=st.binary(max_size=400), page_format=st.sampled_from([name for name in FORMATS if name != "pdf"]))
def test_any_bytes_give_papers_or_reasons_in_any_format(content: bytes, page_format: str) -> None:
    for item in found("any", content, page_format):
        assert isinstance(item, Paper | Rejection | Warned)


@given(content=st.text(max_size=300), page_format=st.sampled_from(["bibtex", "ris", "csv", "markdown", "json", "html"]))
def test_any_text_gives_papers_or_reasons_in_any_text_format(content: str, page_format: str) -> None:
    found("any", content.encode("utf-8", "surrogatepass"), page_format)
