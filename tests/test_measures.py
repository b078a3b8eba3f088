"""measures: hand-computed values, bounds, and properties that hold for any outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.records import Citation, CitedPaper, Quote
from evals.measures import MEASURES
from evals.records import UNSCORED, Case, Nugget, Outcome, Reply, Value
from evals.run import scores
from tests.test_answer_json import ANSWER, PAPER


def outcome(
    relevant: Mapping[str, int], cited: tuple[str, ...] = (), ranking: tuple[str, ...] = (), *, kind: str = "list"
) -> Outcome:
    case = Case("c", kind, "q", (), None, (), dict(relevant.items()), ())
    citations = tuple(
        Citation(n, _paper(i), 0.9, None, (Quote("Yes", 0, 3, "abstract"),)) for n, i in enumerate(cited, 1)
    )
    answer = replace(ANSWER, citations=citations, abstained=not cited)
    return Outcome(case, relevant, Reply(answer, ranking, 0.1), (), 0, (), (1.0,))


def _paper(paper_id: str) -> CitedPaper:
    return replace(PAPER, id=paper_id)


def value(name: str, of: Outcome) -> Value:
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
        assert found == (pytest.approx(measure(other)) if isinstance(found, float) else measure(other))
        assert not isinstance(found, float) or 0 <= found <= 1 + 1e-12, name


@given(st.dictionaries(st.sampled_from([f"p{i}" for i in range(12)]), st.just(1), min_size=1), IDS)
def test_a_wrong_citation_never_raises_precision(relevant: dict[str, int], cited: tuple[str, ...]) -> None:
    before = value("citation_precision", outcome(relevant, cited))
    after = value("citation_precision", outcome(relevant, (*cited, "wrong")))
    assert isinstance(after, float)
    assert not isinstance(before, float) or after <= before


@given(st.dictionaries(st.sampled_from([f"p{i}" for i in range(60)]), st.sampled_from([1, 2]), min_size=1), IDS)
def test_rankings_are_measured_as_ir_measures_does(relevant: dict[str, int], ranking: tuple[str, ...]) -> None:
    """An oracle: ir_measures over pytrec_eval, which is trec_eval."""
    oracle = {"ndcg@10": "nDCG@10", "recall@10": "R@10", "recall@20": "R@20", "recall@50": "R@50", "mrr": "RR"}
    run = {"q": {paper_id: 100.0 - place for place, paper_id in enumerate(ranking)} or {"none": 0.0}}
    parsed = {name: ir_measures.parse_measure(theirs) for name, theirs in oracle.items()}
    found = ir_measures.calc_aggregate(parsed.values(), {"q": relevant}, run)
    for name, measure in parsed.items():
        assert value(name, outcome(relevant, ranking=ranking)) == pytest.approx(found[measure], abs=1e-9), name


def test_the_oracle_agrees_on_a_long_ranking() -> None:
    relevant = {f"p{i}": 1 + i % 2 for i in range(0, 60, 7)}
    ranking = tuple(f"p{(i * 37) % 61}" for i in range(50))
    run = {"q": {paper_id: 100.0 - place for place, paper_id in enumerate(ranking)}}
    found = ir_measures.calc_aggregate([ir_measures.nDCG @ 10, ir_measures.R @ 50], {"q": relevant}, run)
    ranked = outcome(relevant, ranking=ranking)
    assert value("ndcg@10", ranked) == pytest.approx(found[ir_measures.nDCG @ 10], abs=1e-9)
    assert value("recall@50", ranked) == pytest.approx(found[ir_measures.R @ 50], abs=1e-9)


def test_nugget_recall_by_hand() -> None:
    nuggets = tuple(Nugget(text, (), vital) for text, vital in (("a", True), ("b", True), ("c", False)))
    asked = outcome({"a": 1}, ("a",))
    asked = replace(asked, case=replace(asked.case, nuggets=nuggets), told=(1.0, 0.0, 0.5))
    assert value("nugget_recall", asked) == pytest.approx(1.5 / 3)
    assert value("vital_nugget_recall", asked) == pytest.approx(1 / 2)
    assert value("nugget_recall", outcome({"a": 1}, ("a",))) is None


def test_what_a_judge_could_not_say_is_unscored_and_counted_and_never_zero() -> None:
    asked = outcome({"a": 1}, ("a",))
    asked = replace(asked, case=replace(asked.case, nuggets=(Nugget("a", (), False),)), told=(None,), grounded=(None,))
    assert value("nugget_recall", asked) == UNSCORED
    assert value("vital_nugget_recall", asked) is None
    assert value("groundedness", asked) == UNSCORED
    found = scores([asked])
    assert (found["nugget_recall"].mean, found["nugget_recall"].n, found["nugget_recall"].unscored) == (None, 0, 1)


def test_groundedness_by_hand() -> None:
    assert value("groundedness", replace(outcome({"a": 1}, ("a",)), grounded=(1.0, 0.0))) == 1 / 2
    assert value("groundedness", replace(outcome({"a": 1}), grounded=())) is None


def test_a_failure_counts_and_a_price_that_is_not_known_is_unscored() -> None:
    asked = outcome({"a": 1}, ("a",))
    failed = replace(asked, reply=replace(asked.reply, failure="down"))
    assert [value("failures", one) for one in (asked, failed)] == [0, 1]
    free = replace(asked.answer, usage=replace(asked.answer.usage, cost_usd=None))
    assert value("cost_usd", replace(asked, reply=replace(asked.reply, answer=free))) == UNSCORED


def test_a_system_without_a_ranking_has_no_measures_of_it() -> None:
    asked = outcome({"a": 1}, ("a",))
    unranked = replace(asked, reply=replace(asked.reply, ranking=None))
    assert {value(name, unranked) for name in ("ndcg@10", "recall@10", "mrr")} == {None}


def test_a_measure_that_applies_to_no_case_is_there_without_a_value() -> None:
    found = scores([outcome({"a": 1}, ("a",))])["abstention_recall"]
    assert (found.mean, found.low, found.high, found.n, found.unscored) == (None, None, None, 0, 0)
