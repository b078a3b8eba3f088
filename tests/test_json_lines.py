"""Page -> Papers: JSON Lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files import MAX_LINE_BYTES, open_pages
from ingest.read import read
from ingest.records import Page, Paper, Rejection, Warned
from tests.pages import page, pairs, papers, rejections

GOOD = {"title": "Bridges of Paper", "abstract": "We fold bridges from one sheet of paper."}


def found(*records: object) -> list[Paper | Rejection | Warned]:
    return list(read(page("\n".join(json.dumps(record) for record in records), "a.jsonl")))


def one(**fields: Any) -> Paper:
    (paper,) = papers(found(GOOD | fields))
    return paper


def test_every_field_is_read() -> None:
    paper = one(id="x1", authors=["A. Smith", "B. Jones"], year=2021, url="https://example.org/a")
    assert (paper.id, paper.title, paper.abstract) == ("x1", GOOD["title"], GOOD["abstract"])
    assert (paper.authors, paper.year, paper.url) == (("A. Smith", "B. Jones"), 2021, "https://example.org/a")
    assert not paper.digest
    assert [(s.origin, s.line, s.title) for s in paper.sources] == [("a.jsonl", 1, GOOD["title"])]


@pytest.mark.parametrize(
    ("fields", "identifier"),
    [
        ({"id": "mine"}, "mine"),
        ({"_id": "mine"}, "mine"),
        ({"id": None, "_id": "mine"}, "mine"),
        ({"id": "", "_id": "mine"}, "mine"),
        ({"id": 7}, "7"),
        ({"id": True}, "bridges-of-paper"),
        ({"id": "\u200b"}, "bridges-of-paper"),
        ({"id": ["x"]}, "bridges-of-paper"),
        ({"id": "x", "url": "https://arxiv.org/abs/2101.00001"}, "x"),
        ({"url": "https://arxiv.org/abs/2101.00001v3"}, "arxiv:2101.00001"),
        ({"url": "http://arxiv.org/pdf/cs.LG/0501001"}, "arxiv:cs.lg/0501001"),
        ({"url": "https://doi.org/10.1000/AbC.1"}, "doi:10.1000/abc.1"),
        ({"url": "https://example.org/2101.00001"}, "bridges-of-paper"),
        ({}, "bridges-of-paper"),
    ],
)
def test_the_id_is_explicit_else_arxiv_else_doi_else_the_slug(fields: dict[str, Any], identifier: str) -> None:
    assert one(**fields).id == identifier


@pytest.mark.parametrize(
    ("title", "identifier"),
    [("Fréchet's Mean", "frechet-s-mean"), ("图 神经", "图-神经"), ("a_b  c", "a-b-c"), ("ﬁne", "fine")],
)
def test_a_slug_is_words_without_accents(title: str, identifier: str) -> None:
    assert one(title=title).id == identifier


def test_slugs_of_long_and_of_wordless_titles_are_short_and_differ() -> None:
    long = "word " * 40
    ids = [one(title=title).id for title in (f"{long} a", f"{long} b", "***", "+++")]
    assert len(set(ids)) == 4
    assert max(map(len, ids)) <= 80
    assert all(ids)


@pytest.mark.parametrize(
    ("given_year", "year"),
    [
        (2021, 2021), ("2021", 2021), (" 2021 ", 2021), (None, None), (True, None), (21, None), ("21", None),
        (99999, None), (-2021, None), ("MMXXI", None), ("²⁰²¹", None), ([2021], None), (2021.5, None),
        ("9" * 5000, None), ("2021-05-01", 2021), (2021.0, 2021),
    ],
)  # fmt: skip
def test_a_year_is_read_in_its_usual_forms_and_is_otherwise_unknown(given_year: object, year: int | None) -> None:
    assert one(year=given_year).year == year


@pytest.mark.parametrize(
    ("authors", "names"),
    [("A. Smith", ("A. Smith",)), (["A", 3, None, " ", "B"], ("A", "B")), (None, ()), ({"a": 1}, ()), ([], ())],
)
def test_authors_are_a_list_of_names_or_one_name(authors: object, names: tuple[str, ...]) -> None:
    assert one(authors=authors).authors == names


@pytest.mark.parametrize(
    ("authors", "names"),
    [
        ("John Smith, Jane Doe", ("John Smith", "Jane Doe")),
        ("J. Smith, Jane van der Doe, Ö. Örnek", ("J. Smith", "Jane van der Doe", "Ö. Örnek")),
        ("John Smith, Jane Doe and Max Roe", ("John Smith", "Jane Doe", "Max Roe")),
        ("John Smith, Jane Doe, and Max Roe", ("John Smith", "Jane Doe", "Max Roe")),
        ("John Smith, Jane Doe,", ("John Smith", "Jane Doe")),
        ("Smith, John; Doe, Jane", ("John Smith", "Jane Doe")),
        ("Smith, John", ("Smith, John",)),
        ("Smith, J. and Doe, A.", ("Smith, J.", "Doe, A.")),
        ("Doe Smith, Jane A.", ("Doe Smith, Jane A.",)),
        ("Vaswani A, Shazeer NM", ("Vaswani A, Shazeer NM",)),
        ("van der Berg, Maria Anna", ("van der Berg, Maria Anna",)),
        ("Sammy Davis, Jr.", ("Sammy Davis, Jr.",)),
        ("Garcia Marquez, Gabriel Jose and Doe Roe, Ada Ann", ("Garcia Marquez, Gabriel Jose", "Doe Roe, Ada Ann")),
        ("John Smith, Jane Doe, et al.", ("John Smith, Jane Doe, et al.",)),
        ("王 伟, 李 明", ("王 伟", "李 明")),
    ],
)
def test_commas_part_authors_only_where_all_are_full_names(authors: str, names: tuple[str, ...]) -> None:
    assert one(authors=authors).authors == names


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", 5, "", "https://", "https://x.org/a b", "https://x.org/}{"]
)
def test_a_url_that_is_no_web_address_is_left_out(url: object) -> None:
    assert one(url=url).url is None


def test_text_stands_for_abstract_and_digest_is_marked() -> None:
    rows = [{"title": "T", name: f"By {name}."} for name in ("abstract", "text", "digest")]
    assert [(p.abstract, p.digest) for p in papers(found(*rows))] == [
        ("By abstract.", False), ("By text.", False), ("By digest.", True),
    ]  # fmt: skip
    both = papers(found({"title": "T", "digest": "By digest.", "abstract": "By abstract."}))
    assert [(p.abstract, p.digest) for p in both] == [("By abstract.", False)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not a JSON object"),
        ('{"title": "T", "abstract": "A."', "not a JSON object"),
        ("[1, 2]", "not a JSON object but list"),
        ('"text"', "not a JSON object but str"),
        ("null", "not a JSON object but NoneType"),
        ("[" * 100_000, "not a JSON object: RecursionError"),
        ('{"title": ' + "9" * 5000 + "}", "not a JSON object: ValueError"),
        ("{}", "an entry without a title"),
        ('{"title": "T"}', "a title without an abstract: 'T'"),
        ('{"title": 5, "abstract": "A."}', "an entry without a title"),
        ('{"title": "T", "abstract": ["A."]}', "a title without an abstract"),
        ('{"title": "\\u200b", "abstract": "A."}', "an entry without a title"),
        (json.dumps({"title": "T" * 501, "abstract": "A."}), "a title of 501 characters"),
        (json.dumps({"title": "T", "abstract": "A" * 50_001}), "an abstract of 50,001 characters"),
    ],
)
def test_a_broken_line_is_rejected_with_its_place_and_the_rest_kept(line: str, why: str) -> None:
    good = json.dumps(GOOD)
    result = list(read(page(f"{good}\n{line}\n\n{good}", "a.jsonl")))
    assert len(papers(result)) == 2
    assert [r.where for r in rejections(result)] == ["a.jsonl:2"]
    assert rejections(result)[0].why.startswith(why)


def test_what_cannot_be_seen_or_encoded_is_removed_from_every_field() -> None:
    bad = "a\ud800\x00\u200b\u202eb"
    paper = one(title=bad, abstract=bad, id=bad, authors=[bad], url=f"https://example.org/{bad}")
    assert (paper.title, paper.abstract, paper.id, paper.authors) == ("ab", "ab", "ab", ("ab",))
    assert paper.url == "https://example.org/ab"
    assert paper.sources[0].title == "ab"


def test_an_overlong_line_is_rejected_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    long = json.dumps({"title": "Long", "abstract": "x" * MAX_LINE_BYTES})
    for text in (f"{long}\n{json.dumps(GOOD)}\n", f"{json.dumps(GOOD)}\n{long}"):
        path.write_text(text, "utf-8")
        (opened,) = open_pages(path, "a.jsonl", [])
        assert isinstance(opened, Page)
        result = list(read(opened))
        assert pairs(result) == [(GOOD["title"], GOOD["abstract"])]
        assert ["more than 1,000,000 bytes" in r.why for r in rejections(result)] == [True]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(["title", "abstract", "text", "digest", "id", "_id", "authors", "year", "url"])


@given(record=st.dictionaries(_names | st.text(max_size=5), _json, max_size=9))
def test_any_json_object_becomes_one_paper_or_one_rejection(record: dict[str, object]) -> None:
    (result,) = found({"note": 1} | record)
    assert isinstance(result, Paper | Rejection)
    if isinstance(result, Paper):
        assert result.title
        assert result.abstract
        assert result.id
        json.dumps(result.url).encode()
        f"{result.id}{result.title}{result.abstract}{result.authors}{result.url}".encode()
