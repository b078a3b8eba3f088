"""Library -> text: forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import Library, Settings, ingest
from ingest.clean import stored
from ingest.export import EXPORTS, csv_table, jsonl
from ingest.files import open_pages
from ingest.read import read
from ingest.records import Page, Paper
from ingest.references import bibtex
from tests.conftest import SIX
from tests.fakes import WordEncoder
from tests.test_merge import abstract

_text = st.text(max_size=40).map(stored)
_ascii = st.text(st.sampled_from(list("ab {}\\$&%#_~^@,\"'=+-\n;")), max_size=25).map(stored)
_some = (_text | _ascii).filter(bool)
_papers = st.builds(
    Paper,
    id=_some,
    title=_some,
    abstract=_some,
    digest=st.booleans(),
    authors=st.lists(_some, max_size=3).map(tuple),
    year=st.none() | st.integers(1000, 2999),
    venue=st.none() | _some,
    arxiv=st.none() | st.just("2101.00001"),
    doi=st.none() | st.sampled_from(["10.1/x", "10.1000/a{b_c", "10.1/x}y\\"]),
    url=st.none() | st.sampled_from(["https://a.io/x_y?z=1&t=2#f", "https://a.io/%20"]),
)
_lists = st.lists(_papers, max_size=6, unique_by=lambda paper: paper.id)


def ends(text: str) -> list[int]:
    """Where the braces of a BibTeX text come back to depth 0, as BibTeX counts them: also after a backslash."""
    depth, found = 0, []
    for place, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0, text[: place + 1]
        if character == "}" and depth == 0:
            found.append(place)
    assert depth == 0, text
    return found


@given(papers=_lists)
def test_bibtex_has_a_balanced_entry_for_each_paper_under_a_key_of_its_own(papers: list[Paper]) -> None:
    text = bibtex(papers)
    assert len(ends(text)) == len(papers)
    keys = re.findall(r"^@(?:misc|article)\{([^,\n]*),$", text, re.MULTILINE)
    assert len(keys) == len(set(map(str.lower, keys))) == len(papers)
    assert all(re.fullmatch(r"[A-Za-z0-9:./+-]+", key) for key in keys)


@given(paper=_papers)
def test_each_field_of_a_bibtex_entry_ends_where_its_line_ends(paper: Paper) -> None:
    lines = bibtex([paper]).splitlines()
    for line in lines[1:-1]:
        assert re.match(r"  (title|author|year|journal|eprint|archiveprefix|doi|url|abstract|annote) = \{", line)
        assert ends(line) == [len(line) - 2]


def test_bibtex_escapes_what_latex_would_take_for_itself() -> None:
    paper = Paper("a", "100% of A&B_c #1", r"Costs \$5 and \% off.", authors=("Ä. B", "C {D}"), year=2020)
    assert bibtex([paper]) == (
        "@misc{a,\n"
        r"  title = {{100\% of A\&B\_c \#1}},"
        "\n"
        "  author = {Ä. B and C {}{D}},\n"
        "  year = {2020},\n"
        r"  abstract = {Costs {}\$5 and {}\% off.},"
        "\n"
        "}\n"
    )


def test_ids_that_have_no_letters_in_common_with_a_key_still_get_keys() -> None:
    papers = [Paper(paper_id, "T", "A.") for paper_id in ("图-神经", "图-神", "a b", "ab", "AB", "a_b")]
    assert len(set(re.findall(r"@misc\{(.*),", bibtex(papers).lower()))) == 6


@given(papers=_lists)
def test_csv_reads_back_and_no_cell_is_a_formula(papers: list[Paper]) -> None:
    header, *rows = csv.reader(io.StringIO(csv_table(papers)))
    assert header == ["id", "title", "authors", "year", "url", "abstract", "venue", "doi", "arxiv"]
    assert len(rows) == len(papers)
    for row, paper in zip(rows, papers, strict=True):
        wanted = [
            paper.id,
            paper.title,
            "; ".join(paper.authors),
            str(paper.year or ""),
            paper.url or "",
            paper.abstract,
            paper.venue or "",
            paper.doi or "",
            paper.arxiv or "",
        ]
        assert [
            cell.removeprefix("'") if cell != value else cell for cell, value in zip(row, wanted, strict=True)
        ] == wanted
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


@given(papers=_lists)
def test_json_lines_are_a_line_a_paper(papers: list[Paper]) -> None:
    lines = jsonl(papers).split("\n") if papers else []
    assert [json.loads(line)["id"] for line in lines] == [paper.id for paper in papers]


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_of_nothing_holds_no_paper(name: str) -> None:
    assert EXPORTS[name]([]).count("\n") == 0


def test_exported_json_lines_make_the_same_library_again(tmp_path: Path, settings: Settings) -> None:
    records = [
        *SIX,
        {"title": "Digested", "digest": "In other words."},
        {"title": "Digested", "abstract": "No abstract available."},
        {"title": SIX[0]["title"], "abstract": abstract(3)},
        {"title": "图 神经", "abstract": "=1+1 \u2028 $x_{i}$ \\'e.", "url": "https://arxiv.org/abs/2101.00001"},
        {"title": "***", "abstract": "Stars.", "authors": ["Ä", "B"], "year": 2001},
        {
            "title": "Told",
            "abstract": "Whole.",
            "venue": "V",
            "doi": "10.1000/x",
            "categories": ["a b"],
            "code": "https://x.org/c",
        },
        {"title": "Long", "abstract": "Id.", "id": "x" * 199 + " " + "y" * 50},
    ]
    source = tmp_path / "first.jsonl"
    source.write_text("\n".join(map(json.dumps, records)), "utf-8")

    def made(path: Path, library: Path) -> dict[str, tuple[object, ...]]:
        ingest(path, library, settings=settings, encoder=WordEncoder())
        with Library.open(library, settings, WordEncoder()) as opened:
            found = list(opened.store.every_paper())
            (tmp_path / "export.jsonl").write_text(jsonl(found), "utf-8")
        return {p.id: astuple(replace(p, sources=())) for p in found}

    first = made(source, tmp_path / "one")
    assert made(tmp_path / "export.jsonl", tmp_path / "two") == first
    assert len(first) >= 11


@pytest.mark.parametrize("name", EXPORTS)
def test_what_was_exported_can_be_read_again(tmp_path: Path, name: str) -> None:
    told = [
        Paper("doi:10.1000/x", "Rates of 50% & $x_1$ in A_b", "We show 50% & more of $x_1$. It costs #1.", year=2020,
              authors=("José Muñoz", "Wei Zhang"), venue="Journal of A & B", doi="10.1000/x"),
        Paper("arxiv:2101.00001", "=1+1 Is Two", "-We add. 'Quoted', \"twice\"; and so on.", arxiv="2101.00001",
              url="https://arxiv.org/abs/2101.00001"),
    ]  # fmt: skip
    path = tmp_path / "export"
    path.write_text(EXPORTS[name](told), "utf-8")
    (page,) = open_pages(path, "o", [])
    assert isinstance(page, Page)
    found = [item for item in read(page) if isinstance(item, Paper)]
    assert [replace(paper, sources=()) for paper in found] == told
