"""Which entries are one work, and what that work then says."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import permutations

import pytest

from ingest.merge import bands, represent, same_id, same_work
from ingest.records import Paper, Source
from tests.duplicates import main as duplicates
from tests.duplicates import pairs
from tests.libraries import WORDS


def abstract(seed: int, words: int = 60) -> str:
    """Some text, the same for the same seed."""
    return " ".join(f"{word}{seed % 7}" for word in random.Random(seed).choices(WORDS, k=words)) + "."  # noqa: S311 (seeded)


def paper(title: str = "Descent on Curved Spaces", text: str = abstract(1), **fields: object) -> Paper:
    return replace(Paper("p", title, text), **fields)  # type: ignore[arg-type]  # the tests' own field names


def edited(text: str, share: float) -> str:
    """`text` with a share of its words replaced."""
    words = text.split()
    for place in random.Random(0).sample(range(len(words)), int(share * len(words))):  # noqa: S311 (seeded)
        words[place] = "replacement"
    return " ".join(words)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (paper(), paper(), True),
        (paper(), paper("Descent on curved spaces."), True),
        (paper("Rates of $O(k^{-2})$ for Fr\\'echet Means"), paper("Rates of O(k^-2) for Fréchet Means"), True),
        (paper(), paper("What the Steepest Direction Costs"), True),
        (paper(), paper("What the Steepest Direction Costs", edited(abstract(1), 0.05)), True),
        (paper(), paper("What the Steepest Direction Costs", edited(abstract(1), 0.5)), False),
        (paper(), paper(text=edited(abstract(1), 0.25)), True),
        (paper(), paper(text=abstract(2)), False),
        (paper(), paper("What the Steepest Direction Costs", abstract(2)), False),
        (paper(), paper(text=" ".join(abstract(1).split()[:15])), True),
        (paper(), paper("What the Steepest Direction Costs", " ".join(abstract(1).split()[:15])), False),
        (paper(), paper(text="We study."), False),
        (paper(), paper(text=abstract(2), digest=True), True),
        (paper(), paper("Descent on Curved Spaces II", abstract(2), digest=True), False),
        (paper("Curved Spaces, Part I"), paper("Curved Spaces, Part II", edited(abstract(1), 0.25)), False),
        (paper("GPT-3 Explained"), paper("GPT-4 Explained", edited(abstract(1), 0.25)), False),
        (paper(text="No abstract available."), paper("Another Title", "No abstract available."), False),
        (paper(text="..."), paper("Another Title", "---"), False),
        (paper(), paper("Erratum: Descent on Curved Spaces"), False),
        (paper(), paper("Comment on “Descent on Curved Spaces”"), False),
        (paper("Erratum: Descent on Curved Spaces"), paper("Erratum to Descent on Curved Spaces"), True),
        (paper("Correction of Bias"), paper("Correction of bias."), True),
        (paper("***", abstract(1)), paper("+++", edited(abstract(1), 0.3)), False),
    ],
)
def test_two_entries_are_one_work_when_title_and_abstract_say_so(one: Paper, other: Paper, *, same: bool) -> None:
    assert same_work(one, other) is same
    assert same_work(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (paper(id="arxiv:2101.00001"), paper("Other", abstract(2), id="arxiv:2101.00001"), True),
        (paper(id="doi:10.1/x"), paper("Other", abstract(2), id="doi:10.1/x"), True),
        (paper(id="7"), paper("Descent on Curving Spaces", edited(abstract(1), 0.4), id="7"), True),
        (paper(id="7"), paper("Other", abstract(2), id="7"), False),
        (paper(id="7"), paper(text=abstract(2), id="7"), False),
        (paper(id="7"), paper("Zebra Stripes", edited(abstract(1), 0.4), id="7"), False),
        (paper(id="7"), paper(id="8"), False),
    ],
)
def test_an_id_is_believed_unless_the_texts_gainsay_it(one: Paper, other: Paper, *, same: bool) -> None:
    assert same_id(one, other) is same
    assert same_id(other, one) is same


def test_one_works_entries_share_a_band_and_unrelated_ones_do_not() -> None:
    base = set(bands(paper()))
    assert base & set(bands(paper("What the Steepest Direction Costs", edited(abstract(1), 0.05))))
    assert base & set(bands(paper(text=abstract(2))))
    assert not base & set(bands(paper("What the Steepest Direction Costs", abstract(2))))
    assert bands(paper()) == bands(paper())


@pytest.mark.parametrize("text", ["", "...", "one", "one two"])
def test_short_and_wordless_texts_have_bands(text: str) -> None:
    assert len(bands(paper(text, text))) == 32


def test_a_work_says_the_fullest_abstract_and_keeps_every_source_in_any_order() -> None:
    entries = [
        paper("A", "Short.", sources=(Source("b", 1, "A"),), authors=("X",), year=2020),
        paper("B", "The fullest abstract.", sources=(Source("c", 5, "B"),), url="https://a.io"),
        paper("C", "A digest that is longer than the abstract.", digest=True, sources=(Source("a", 9, "C"),)),
        paper("D", "The fullest abstract.", sources=(Source("c", 2, "D"),), year=2021),
    ]
    for order in permutations(entries):
        work = represent("w", order)
        assert (work.id, work.title, work.abstract, work.digest) == ("w", "D", "The fullest abstract.", False)
        assert (work.authors, work.year, work.url) == (("X",), 2021, "https://a.io")
        assert [(s.origin, s.line) for s in work.sources] == [("a", 9), ("b", 1), ("c", 2), ("c", 5)]


def test_a_work_of_digests_alone_is_a_digest() -> None:
    assert represent("w", [paper(digest=True, sources=(Source("a", 1, "T"),))]).digest


def test_bands_are_those_that_libraries_hold_since_the_first_version() -> None:
    keys = bands(paper("Descent on Curved Spaces", abstract(1)))
    assert keys[0] == "t0:69b172cd-3822d49-1037479a-ea93368"
    assert keys[16] == "a0:46f9459-195558d-8e20db-9b797f9"
    assert bands(paper(arxiv="2101.00001", doi="10.1/x"))[32:] == ("arxiv:2101.00001", "doi:10.1/x")


def test_duplicates_are_told_from_others_on_the_labelled_pairs() -> None:
    assert len(pairs()) >= 300
    precision, recall = duplicates()
    assert precision >= 0.99
    assert recall >= 0.95


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({}, None),
        ({"doi": "10.1000/a b<c"}, "https://doi.org/10.1000/a%20b%3Cc"),
        ({"doi": "10.1/x", "arxiv": "2101.00001"}, "https://arxiv.org/abs/2101.00001"),
        ({"arxiv": "2101.00001", "url": "https://example.org/1"}, "https://example.org/1"),
    ],
)
def test_a_paper_leads_out_to_what_its_source_says(fields: dict[str, str], address: str | None) -> None:
    assert paper(**fields).address == address
