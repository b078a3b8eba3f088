"""Page -> Papers: Parquet tables and PDFs, whole, damaged and without the libraries they need."""

from __future__ import annotations

import io
import random
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ingest.files import open_pages
from ingest.read import read
from ingest.records import Page, Paper, Rejection, Warned
from ingest.sources import pdf_worker
from tests.pages import papers, rejections
from tests.test_source_samples import ABSTRACTS, TITLES


def found(path: Path, columns: dict[str, str] | None = None) -> list[Paper | Rejection | Warned]:
    items: list[Paper | Rejection | Warned] = []
    for page in open_pages(path, "o", [], columns):
        items += [*read(page)] if isinstance(page, Page) else [page]
    return items


def parquet(path: Path, columns: dict[str, list[Any]]) -> Path:
    import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415  (it carries no types)
    import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415

    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def pdf(path: Path, lines: list[tuple[int, str]], title: str | None = None) -> Path:
    """A PDF of one page: each line with the size of its letters."""
    texts, place = [], 760
    for size, line in lines:
        shown = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        texts.append(f"BT /F1 {size} Tf 1 0 0 1 60 {place} Tm ({shown}) Tj ET")
        place -= size + 4
    content = "\n".join(texts).encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (%s) >>" % (title or "").encode(),
    ]
    out, places = io.BytesIO(b""), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    info = b" /Info 6 0 R" if title else b""
    out.write(b"trailer << /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, info, start))
    path.write_bytes(out.getvalue())
    return path


def front_page() -> list[tuple[int, str]]:
    """The first page of a paper, as typeset."""
    return [
        (8, "arXiv:2101.00001v2 [cs.LG] 4 Jan 2021"),
        *((18, line) for line in textwrap.wrap(TITLES[0], 40)),
        (11, "Ada Example, Bo Sample Jr"),
        (12, "Abstract"),
        *((10, line) for line in textwrap.wrap(ABSTRACTS[0], 90, break_on_hyphens=False)),
        (12, "1 Introduction"),
        (10, "Long ago the matter was treated otherwise."),
    ]


def test_a_parquet_table_is_read(tmp_path: Path) -> None:
    told: dict[str, list[Any]] = {
        "title": TITLES,
        "abstract": ABSTRACTS,
        "year": [2021, None, 2005],
        "authors": [["Ada Example"], [], None],
    }
    read_papers = papers(found(parquet(tmp_path / "a.parquet", told)))
    assert [(p.title, p.abstract) for p in read_papers] == list(zip(TITLES, ABSTRACTS, strict=True))
    assert [(p.year, p.authors, p.sources[0].line) for p in read_papers] == [
        (2021, ("Ada Example",), 1), (None, (), 2), (2005, (), 3),
    ]  # fmt: skip


def test_columns_of_a_parquet_table_can_be_named(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a", {"Name": TITLES, "What": ABSTRACTS})
    (refused,) = rejections(found(path))
    assert refused.why.startswith("no column of titles and of abstracts among: Name, What; name them: --column")
    assert len(papers(found(path, {"title": "Name", "abstract": "What"}))) == 3


def test_a_damaged_parquet_table_is_told(tmp_path: Path) -> None:
    whole = parquet(tmp_path / "a", {"title": TITLES * 50, "abstract": ABSTRACTS * 50}).read_bytes()
    chance = random.Random(1)  # noqa: S311 (seeded)
    for _ in range(40):
        content = bytearray(whole[: chance.choice([len(whole), chance.randrange(5, len(whole))])])
        for place in chance.sample(range(4, len(content)), min(3, len(content) - 4)):
            content[place] = chance.randrange(256)
        (tmp_path / "b").write_bytes(content)
        assert all(isinstance(item, Paper | Rejection) for item in found(tmp_path / "b"))


def test_a_pdf_is_read_and_said_to_be_a_guess(tmp_path: Path) -> None:
    paper, warned = found(pdf(tmp_path / "a.pdf", front_page()))
    assert isinstance(paper, Paper)
    assert (paper.title, paper.abstract, paper.arxiv) == (TITLES[0], ABSTRACTS[0], "2101.00001")
    assert isinstance(warned, Warned)
    assert warned.why.startswith("title and abstract are guessed from the PDF's first page: 'Order Matters")


@pytest.mark.parametrize(
    ("named", "title"),
    [
        (TITLES[1], TITLES[1]),
        ("paper_final.pdf", TITLES[0]),
        ("Microsoft Word - draft.doc", TITLES[0]),
        ("x", TITLES[0]),
    ],
)
def test_the_title_that_a_pdf_says_is_taken_where_it_looks_typed(tmp_path: Path, named: str, title: str) -> None:
    assert papers(found(pdf(tmp_path / "a.pdf", front_page(), named)))[0].title == title


def test_a_pdf_without_an_abstract_or_without_text_is_told(tmp_path: Path) -> None:
    assert "a title without an abstract" in rejections(found(pdf(tmp_path / "a.pdf", front_page()[:4])))[0].why
    assert "an entry without a title" in rejections(found(pdf(tmp_path / "b.pdf", [])))[0].why
    (tmp_path / "c.pdf").write_bytes(pdf(tmp_path / "a.pdf", front_page()).read_bytes()[:300])
    (refused,) = found(tmp_path / "c.pdf")
    assert isinstance(refused, Rejection)


def test_a_pdf_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.pdf.TIMEOUT_S", 0.001)
    (refused,) = rejections(found(pdf(tmp_path / "a.pdf", front_page())))
    assert refused.why == "a PDF that takes more than 0.001 s to read"


def test_without_its_library_a_format_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path / "a", {"title": TITLES, "abstract": ABSTRACTS})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert rejections(found(path))[0].why == "a Parquet table; to read it: pip install 'whichpapers[parquet]'"
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(SystemExit, match=r"pip install 'whichpapers\[pdf\]'"):
        pdf_worker.main(limit=False)


def test_the_abstract_of_a_page_ends_where_the_paper_begins() -> None:
    body = "We fold bridges. " * 10
    for end in ("1 Introduction\nText", "I. INTRODUCTION\nText", "Keywords: folding", "Index Terms—folding"):
        assert pdf_worker.abstract(f"A Title\nABSTRACT\n{body}\n{end}") == body.strip()
    assert pdf_worker.abstract("Abstract—We fold a bri-\ndge.") == "We fold a bridge."
    assert pdf_worker.abstract("No such word here") == ""
