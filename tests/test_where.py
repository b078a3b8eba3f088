"""Text -> Filter -> papers: each condition, what is missing, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import BadFilter
from ingest.records import Paper, Source
from ingest.store import Store
from ingest.where import FIELDS, FLAGS, parse

PAPERS = (
    Paper("a", "Folding Bridges", "We fold.", authors=("José Muñoz", "Wei Zhang"), year=2021, venue="ACL 2021",
          categories=("cs.CL", "cs.LG"), arxiv="2101.00001", code_urls=("https://github.com/a/b",),
          sources=(Source("pages/one.txt", 1, "Folding Bridges"),)),
    Paper("b", "What Owls Count", "We count.", authors=("Ada Smith",), year=2023, venue="NeurIPS", doi="10.1/x",
          sources=(Source("pages/two.txt", 1, "What Owls Count"), Source("c.bib", 2, "What Owls Count"))),
    Paper("c", "Rivers", "A digest.", digest=True, sources=(Source("c.bib", 9, "Rivers"),)),
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("where") / "library.db", write=True)) as opened:
        for paper in PAPERS:
            opened.put_paper(paper, ())
        yield opened


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("year >= 2021", "ab"), ("year > 2021", "b"), ("year < 2023", "a"), ("year <= 2023", "ab"),
        ("year = 2021", "a"),
        ("year == 2021", "a"), ("year != 2021", "b"), ("year <> 2021", "b"), ("not year = 2021", "b"),
        ("year in (2020, 2021)", "a"), ("not year in (2020, 2021)", "b"), ("has_year", "ab"), ("not has_year", "c"),
        ("venue = neurips", "b"), ('venue ~ "acl 2"', "a"), ("venue != NeurIPS", "a"), ("not venue ~ ACL", "b"),
        ("author ~ MUÑOZ", "a"), ('author = "ada smith"', "b"), ('author != "ada smith"', "a"),
        ("category = cs.lg", "a"), ("category in (math.OC, cs.CL)", "a"), ("category != cs.LG", ""),
        ("category != math.OC", "a"), ("not category = cs.LG", ""), ("has_category", "a"),
        ("source ~ c.bib", "bc"), ("source = pages/one.txt", "a"), ("source != c.bib", "a"),
        ("has_code", "a"), ("not has_code", "bc"), ("code ~ github.com", "a"), ("has_abstract", "ab"),
        ("has_doi or has_arxiv", "ab"), ("doi = 10.1/X", "b"), ("arxiv = 2101.00001", "a"), ("id in (a, c)", "ac"),
        ("title ~ owls and year >= 2020", "b"), ("year >= 2021 and (has_code or venue = NeurIPS)", "ab"),
        ("has_code or has_doi and year < 2020", "a"), ("(has_code or has_doi) and year < 2020", ""),
        ("NOT (has_code OR has_doi)", "c"), ("not not has_code", "a"), ("title = 'rivers'", "c"), ("HAS_CODE", "a"),
    ],
)  # fmt: skip
def test_a_filter_lets_through_what_it_says(store: Store, expression: str, ids: str) -> None:
    where = parse(expression)
    assert sorted(store.matching(where).ids) == list(ids)
    assert parse(where.describe()) == where


def test_papers_that_lack_a_value_are_counted(store: Store) -> None:
    assert store.matching(parse("year > 2000 and (venue ~ a or category = x)")).missing == {
        "year": 1, "venue": 1, "categories": 2,
    }  # fmt: skip
    assert store.matching(parse("has_code")).missing == {}


@pytest.mark.parametrize(
    ("expression", "place", "expected"),
    [
        ("", 1, "a field: year"), ("yeer = 2020", 1, "a field: year"), ("year 2020", 6, "one of = != < <= > >= or in"),
        ("year ~ 2020", 6, "one of ="), ("venue < x", 7, "one of = != ~ or in"),
        ("year >= 20", 9, "a year of four digits"),
        ("year >=", 8, "a value"), ("year >= 2020 and", 17, "a field"), ("(has_code", 10, "expected )"),
        ("has_code)", 9, "and, or, or the end"), ("has_code has_doi", 10, "and, or, or the end"),
        ('venue = "acl', 9, "a closing quote"), ("year in 2020", 9, "expected ("),
        ("year in (2020 2021)", 15, "expected )"),
        ("has_code; DROP TABLE papers", 1, "a field"), ("(" * 60 + "has_code" + ")" * 60, 52, "within each other"),
        ("not " * 5000 + "has_code", 1, "at most 2,000 characters"), ("year = ²⁰²⁰", 8, "a year of four digits"),
        ("venue ~ ()", 9, "a value"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_place(expression: str, place: int, expected: str) -> None:
    with pytest.raises(BadFilter) as caught:
        parse(expression)
    assert (caught.value.place + 1, caught.value.exit_code) == (place, 2)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_library_of_version_1_can_be_filtered_without_being_changed(tmp_path: Path) -> None:
    from tests.test_store import version_1  # noqa: PLC0415

    path = version_1(tmp_path)
    with closing(Store(path, write=False)) as old:
        assert old.matching(parse("venue ~ a or year > 2000")).missing == {"venue": 1}
        assert old.matching(parse("year > 2000")).ids == {"a"}


_words = st.sampled_from(
    [*FIELDS, *FLAGS, "and", "or", "not", "in", "(", ")", ",", "=", "~", "<=", "2020", '"x y"', "x", "'", "%", "\x00"]
)


@given(words=st.lists(_words, max_size=12))
def test_any_words_are_read_or_refused_and_what_is_read_runs(store: Store, words: list[str]) -> None:
    try:
        where = parse(" ".join(words))
    except BadFilter:
        return
    assert parse(where.describe()) == where
    assert store.matching(where).ids <= {"a", "b", "c"}
