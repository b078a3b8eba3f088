"""measures: hand-computed values, bounds, and properties that hold for any outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.records import Citation, CitedPaper, Quote
from evals.measures import MEASURES
from evals.records import Case, Outcome
from evals.run import scores
from evals.statistics import score
from tests.test_answer_json import ANSWER, PAPER


def outcome(
    relevant: Mapping[str, int], cited: tuple[str, ...] = (), ranking: tuple[str, ...] = (), *, kind: str = "list"
) -> Outcome:
    case = Case("c", kind, "q", (), None, (), dict(relevant.items()), ())
    citations = tuple(
        Citation(n, _paper(i), 0.9, None, (Quote("Yes", 0, 3, "abstract"),)) for n, i in enumerate(cited, 1)
    )
    return Outcome(case, relevant, replace(ANSWER, citations=citations, abstained=not cited), ranking, 0, 0.1)


def _paper(paper_id: str) -> CitedPaper:
    return replace(PAPER, id=paper_id)


def value(name: str, of: Outcome) -> float | None:
    return MEASURES[name](of)


def test_ndcg_by_hand() -> None:
    ranked = outcome({"a": 2, "b": 1}, ranking=("x", "a", "b"))
    expected = (2 / math.log2(3) + 1 / math.log2(4)) / (2 / math.log2(2) + 1 / math.log2(3))
    assert value("ndcg@10", ranked) == pytest.approx(expected, abs=1e-9)
    assert value("ndcg@10", outcome({"a": 2, "b": 1}, ranking=("a", "b"))) == pytest.approx(1)
    assert value("ndcg@10", outcome({"a": 2}, ranking=(*tuple("bcdefghijk"), "a"))) == 0


def test_recall_and_reciprocal_rank_by_hand() -> None:
    ranked = outcome({"a": 1, "b": 1, "z": 1}, ranking=("x", "a", *"cdefghijk", "b"))
    assert value("recall@10", ranked) == pytest.approx(1 / 3)
    assert value("recall@20", ranked) == pytest.approx(2 / 3)
    assert value("mrr", ranked) == pytest.approx(1 / 2)
    assert value("mrr", outcome({"a": 1}, ranking=("x",))) == 0


def test_list_measures_by_hand() -> None:
    cited = outcome({"a": 2, "b": 1, "c": 1}, ("a", "x", "b", "y"))
    assert value("list_precision", cited) == pytest.approx(2 / 4)
    assert value("list_recall", cited) == pytest.approx(2 / 3)
    assert value("list_f1", cited) == pytest.approx(2 * 2 / (4 + 3))
    assert value("list_f1", outcome({"a": 1})) == 0
    assert value("list_precision", outcome({"a": 1})) is None
    assert value("list_f1", outcome({"a": 1}, ("a",), kind="factoid")) is None


def test_abstention_by_hand() -> None:
    said_no, said_yes = outcome({}), outcome({}, ("a",))
    missed = outcome({"a": 1})
    assert [value("abstention_precision", o) for o in (said_no, said_yes, missed)] == [1, None, 0]
    assert [value("abstention_recall", o) for o in (said_no, said_yes, missed)] == [1, 0, None]


def test_answer_match_reads_the_first_citation() -> None:
    asked = outcome({"a": 1}, ("a", "b"))
    case = replace(asked.case, answer_patterns=("^Yes$",))
    assert value("answer_match", replace(asked, case=case)) == 1
    assert value("answer_match", replace(asked, case=replace(case, answer_patterns=("No",)))) == 0
    assert value("answer_match", asked) is None


def test_invalid_quotes_lower_quote_validity() -> None:
    assert value("quote_validity", replace(outcome({"a": 1}, ("a", "b")), invalid_quotes=1)) == pytest.approx(1 / 2)
    assert value("quote_validity", outcome({"a": 1})) is None


IDS = st.lists(st.sampled_from([f"p{i}" for i in range(12)]), unique=True).map(tuple)


@given(st.dictionaries(st.sampled_from([f"p{i}" for i in range(12)]), st.sampled_from([1, 2])), IDS, IDS)
def test_every_measure_is_in_range_and_ignores_the_order_of_gold(
    relevant: dict[str, int], cited: tuple[str, ...], ranking: tuple[str, ...]
) -> None:
    one = outcome(relevant, cited, ranking)
    other = outcome(dict(reversed(relevant.items())), cited, ranking)
    for name, measure in MEASURES.items():
        found = measure(one)
        assert found == (pytest.approx(measure(other)) if found is not None else measure(other))
        assert found is None or 0 <= found <= 1 + 1e-12, name


@given(st.dictionaries(st.sampled_from([f"p{i}" for i in range(12)]), st.just(1), min_size=1), IDS)
def test_a_wrong_citation_never_raises_precision(relevant: dict[str, int], cited: tuple[str, ...]) -> None:
    before = value("citation_precision", outcome(relevant, cited))
    after = value("citation_precision", outcome(relevant, (*cited, "wrong")))
    assert after is not None
    assert before is None or after <= before


def test_a_score_is_a_mean_with_an_interval_around_it() -> None:
    found = score([0.0, 1.0, 1.0, 1.0])
    assert (found.mean, found.n) == (0.75, 4)
    assert 0 <= found.low < 0.75 < found.high <= 1
    assert score([0.5]) == score([0.5])


def test_a_measure_that_applies_to_no_case_is_left_out() -> None:
    assert "abstention_recall" not in scores([outcome({"a": 1}, ("a",))])
