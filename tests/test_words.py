"""Paper -> words: the contract of an index, and BM25 over stems."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import IndexDamaged
from ingest.project import Change
from ingest.records import Paper
from ingest.words import WordIndex


def change(paper_id: str, title: str = "T", abstract: str = "A.") -> Change:
    return Change(paper_id, Paper(paper_id, title, abstract), ())


def ask(index: WordIndex, text: str, k: int = 10) -> list[str]:
    return [paper_id for paper_id, _ in index.search([(term, 1.0) for term in index.terms(text)], k)]


@pytest.fixture
def index(tmp_path: Path) -> WordIndex:
    made = WordIndex(tmp_path / "words", create=True)
    made.apply(
        [
            change("one", "Quantized Weights", r"Rounding by the Fr\'echet mean."),
            change("two", "Owls", "Owls count to seven. Weights are not theirs."),
            change("three", "Bridges", "Paper bridges bear weight."),
        ]
    )
    return made


def test_a_paper_is_found_by_any_form_of_its_words(index: WordIndex) -> None:
    assert ask(index, "quantization") == ["one"]
    assert ask(index, "FRECHET") == ask(index, "Fréchet") == ["one"]
    assert ask(index, "counting owl") == ["two"]
    assert ask(index, "zebra") == []
    assert ask(index, "") == []


def test_a_word_of_the_title_counts_more(index: WordIndex) -> None:
    assert ask(index, "weights")[0] == "one"
    assert set(ask(index, "weights")) == {"one", "two", "three"}


def test_some_papers_are_ranked_alone_by_what_words_weigh_in_all(index: WordIndex) -> None:
    every = index.search([("weight", 1.0), ("owl", 2.0)], 10)
    for among in (["two"], ["one", "three"], ["one", "two", "three"], ["gone", "one"], []):
        assert index.search([("weight", 1.0), ("owl", 2.0)], 10, among) == [hit for hit in every if hit[0] in among]


def test_a_weight_of_a_term_moves_the_ranking(index: WordIndex) -> None:
    def first(bridge: float, owl: float) -> str:
        return index.search([("bridg", bridge), ("owl", owl)], 1)[0][0]

    assert (first(5.0, 1.0), first(1.0, 5.0)) == ("three", "two")


def test_document_frequency_is_the_larger_of_title_and_abstract(index: WordIndex) -> None:
    assert index.document_frequency("weight") == 2
    assert index.document_frequency("owl") == 1
    assert index.document_frequency("zebra") == 0


def test_applying_twice_changes_nothing(index: WordIndex) -> None:
    before = index.search([("weight", 1.0)], 9)
    for _ in range(2):
        index.apply([change("two", "Owls", "Owls count to seven. Weights are not theirs.")])
    assert len(index) == 3
    assert {paper_id for paper_id, _ in index.search([("weight", 1.0)], 9)} == {paper_id for paper_id, _ in before}


def test_a_change_replaces_and_a_removal_removes(index: WordIndex) -> None:
    index.apply([change("two", "Owls", "They fly."), Change("three", None, ()), Change("never", None, ())])
    assert len(index) == 2
    assert ask(index, "seven") == []
    assert ask(index, "fly") == ["two"]
    assert ask(index, "bridges") == []


@pytest.mark.parametrize("order", [1, -1])
def test_ties_end_in_the_id_also_where_k_cuts_through_them(tmp_path: Path, order: int) -> None:
    index = WordIndex(tmp_path / "words", create=True)
    ids = [f"p{n:02}" for n in range(40)][::order]
    for start in (0, 14, 28):
        index.apply([change(paper_id, "Same", "The same words.") for paper_id in ids[start : start + 14]])
    assert ask(index, "words", 5) == ["p00", "p01", "p02", "p03", "p04"]


@pytest.mark.parametrize("k", [0, -1])
def test_no_papers_are_found_where_none_are_asked_for(index: WordIndex, k: int) -> None:
    assert index.search([("weight", 1.0)], k) == []


def test_a_cleared_index_is_empty_and_can_be_filled(index: WordIndex) -> None:
    index.clear()
    assert len(index) == 0
    index.apply([change("new", "Zebra")])
    assert ask(index, "zebra") == ["new"]


def test_another_opening_sees_changes_after_refresh(tmp_path: Path, index: WordIndex) -> None:
    reader = WordIndex(tmp_path / "words")
    index.apply([change("new", "Zebra")])
    reader.refresh()
    assert ask(reader, "zebra") == ["new"]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"garbage"])
def test_a_folder_without_a_whole_index_is_damaged(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    if content is not None:
        (folder / "meta.json").write_bytes(content)
    with pytest.raises(IndexDamaged, match="whichpapers rebuild"):
        WordIndex(folder)


def test_hostile_ids_and_texts_are_kept_apart(tmp_path: Path) -> None:
    index = WordIndex(tmp_path / "words", create=True)
    ids = ['a"b', "a b", "a#1", "é", "AND", "x" * 200, "a:b^2"]
    index.apply([change(paper_id, "Same", 'Query syntax: AND OR (x:y)^3 "z" *') for paper_id in ids])
    index.apply([Change("a b", None, ())])
    assert set(ask(index, 'AND OR (x:y)^3 "z" *')) == {*ids} - {"a b"}
