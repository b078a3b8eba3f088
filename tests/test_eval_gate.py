"""gate: bounds are read, checked and told, and each planted regression breaks the bound that should see it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant import Assistant
from assistant.records import Citation
from evals.cases import OWN_CASES, Asked, read_cases
from evals.errors import BadGate
from evals.examine import Examiner
from evals.gate import Bound, broken, check, junit, read_gate
from evals.measures import MEASURES
from evals.records import Case, Reply, Score
from evals.run import by_type, run, scores
from evals.systems import Product
from ingest import Settings

OWN_GATE = OWN_CASES.parents[1] / "gate.toml"
NAMES = tuple(scores(()))


def gate(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gate.toml"
    path.write_text(text, "utf-8")
    return path


def test_bounds_are_read(tmp_path: Path) -> None:
    text = '[measures]\nmrr = {min = 0.5, max = 1}\n[types.list."recall@50"]\nmin = 0.1\n'
    assert read_gate(gate(tmp_path, text), NAMES) == [
        Bound("all", "mrr", 0.5, 1), Bound("list", "recall@50", 0.1, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it holds no bound"),
        ("[", "gate"),
        ("[meazures]\nmrr = {min = 1}", "unknown table 'meazures'"),
        ("[measures]\nmrrr = {min = 1}", "no measure is called 'mrrr'"),
        ("[measures]\nmrr = {least = 1}", "needs min or max"),
        ("[measures]\nmrr = {}", "needs min or max"),
        ("[measures]\nmrr = 1", "needs min or max"),
        ("measures = 1", "'all' is no table"),
        ("[measures]\nmrr = {min = '1'}", "which is no number"),
        ("[measures]\nmrr = {min = true}", "which is no number"),
    ],
)
def test_a_bad_gate_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BadGate) as refused:
        read_gate(gate(tmp_path, text), NAMES)
    assert why in str(refused.value)


def test_a_missing_gate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadGate, match="expected TOML"):
        read_gate(tmp_path / "none.toml", NAMES)


@pytest.mark.parametrize(
    ("bound", "score", "why"),
    [
        (Bound("all", "mrr", 0.5, None), Score(0.5, 0.4, 0.6, 10, 0), None),
        (Bound("all", "mrr", 0.5, None), Score(0.49, 0.4, 0.6, 10, 0), "is 0.4900, below 0.5"),
        (Bound("all", "mrr", None, 0.5), Score(0.51, 0.4, 0.6, 10, 0), "is 0.5100, above 0.5"),
        (Bound("all", "mrr", 0.5, None), Score(None, None, None, 0, 0), "is scored for no case"),
        (Bound("list", "mrr", 0.5, None), Score(1, 1, 1, 10, 0), "is scored for no case"),
        (Bound("all", "mrr", 0.5, None), Score(1, 1, 1, 97, 3), "could not be scored for 3 of 100 cases"),
        (Bound("all", "mrr", 0.5, None), Score(1, 1, 1, 98, 2), None),
    ],
)
def test_a_bound_is_held_against_its_score(bound: Bound, score: Score, why: str | None) -> None:
    ((checked),) = check([bound], {"all": {"mrr": score}})
    assert checked.broken == why


def test_verdicts_are_told_in_junits_form() -> None:
    bounds = [Bound("all", "mrr", 0.5, None), Bound("list", "list_f1", 0.5, None)]
    checked = check(bounds, {"all": {"mrr": Score(1, 1, 1, 3, 0)}})
    suite = ET.fromstring(junit(checked))  # noqa: S314  (our own text)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [(case.get("classname"), case.get("name"), len(case)) for case in suite] == [
        ("gate.all", "mrr", 0), ("gate.list", "list_f1", 1)
    ]  # fmt: skip
    assert broken(checked) == ["list_f1 (list) is scored for no case"]


def test_our_own_gate_bounds_every_measure_of_quality() -> None:
    named = {bound.measure for bound in read_gate(OWN_GATE, NAMES) if bound.group == "all"}
    assert named == set(MEASURES) - {"seconds"}


# --- regressions, planted -------------------------------------------------------------------------------------------


class Planted:
    """A system whose replies were changed on their way."""

    name = "planted"

    def __init__(self, replies: Mapping[str, Reply], change: Callable[[Reply], Reply]) -> None:
        self._replies, self._change = replies, change

    def reply(self, case: Case) -> Reply:
        return self._change(self._replies[case.id])


@pytest.fixture(scope="module")
def assistant(sample_settings: Settings) -> Iterator[Assistant]:
    with Assistant.open(settings=sample_settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def asked(assistant: Assistant) -> Asked:
    return read_cases([OWN_CASES, OWN_CASES.with_name("off_topic.jsonl")], assistant.library)


@pytest.fixture(scope="module")
def replies(assistant: Assistant, asked: Asked) -> dict[str, Reply]:
    product = Product(assistant, "offline", "thorough")
    return {case.id: product.reply(case) for case, _ in asked}


Break = Callable[[Callable[[Reply], Reply]], set[str]]


@pytest.fixture
def breaks(assistant: Assistant, asked: Asked, replies: dict[str, Reply]) -> Break:
    """The measures whose bounds a change to all replies breaks."""

    def measures(change: Callable[[Reply], Reply]) -> set[str]:
        outcomes = list(run(Planted(replies, change), asked, Examiner(assistant.library)))
        checked = check(read_gate(OWN_GATE, NAMES), {**by_type(outcomes), "all": scores(outcomes)})
        return {one.bound.measure for one in checked if one.broken}

    return measures


@pytest.mark.slow
def test_the_gate_holds_of_the_product_as_it_is(breaks: Break) -> None:
    assert breaks(lambda reply: reply) == set()


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["words", "vectors"])
def test_an_arm_that_is_switched_off_lowers_the_ranking(
    sample_settings: Settings, asked: Asked, replies: dict[str, Reply], breaks: Break, arm: str
) -> None:
    with Assistant.open(settings=sample_settings) as blind, pytest.MonkeyPatch.context() as patch:
        if arm == "words":
            patch.setattr(blind.library.words, "terms", lambda _: [])
            patch.setattr(blind.library.words, "search", lambda *_: [])
        else:
            patch.setattr(blind.library.vectors, "search", lambda *_: [])
            patch.setattr(blind.library.encoder, "encode", lambda texts: np.zeros((len(texts), 384), np.float32))
        questions = {replies[case.id].answer.standalone_question for case, relevant in asked if relevant}
        ranked = {question: tuple(hit.paper.id for hit in blind.search(question)) for question in questions}

    found = breaks(lambda reply: replace(reply, ranking=ranked.get(reply.answer.standalone_question)))
    assert {"ndcg@10", "recall@10", "recall@50"} <= found
    assert not {"quote_validity", "abstention_recall", "list_f1"} & found


@pytest.mark.slow
def test_citations_shifted_to_the_next_paper_break_quote_validity(breaks: Break) -> None:
    def shifted(reply: Reply) -> Reply:
        citations = reply.answer.citations
        papers = [citation.paper for citation in (*citations[1:], *citations[:1])]
        moved = tuple(replace(c, paper=paper) for c, paper in zip(citations, papers, strict=True))
        return replace(reply, answer=replace(reply.answer, citations=moved))

    assert breaks(shifted) >= {"quote_validity"}


@pytest.mark.slow
def test_markers_shifted_by_one_break_groundedness_alone(breaks: Break) -> None:
    def shifted(reply: Reply) -> Reply:
        answer = reply.answer
        count = max(1, len(answer.citations))
        claims = tuple(replace(c, citations=tuple(n % count + 1 for n in c.citations)) for c in answer.claims)
        return replace(reply, answer=replace(answer, claims=claims))

    found = breaks(shifted)
    assert "groundedness" in found
    assert not found & {"quote_validity", "list_f1", "ndcg@10"}


@pytest.mark.slow
def test_an_assistant_that_never_says_no_breaks_abstention_recall(breaks: Break) -> None:
    def talkative(reply: Reply) -> Reply:
        answer = reply.answer
        if not answer.abstained:
            return reply
        near = tuple(Citation(n, miss.paper, 0.5, None, ()) for n, miss in enumerate(answer.near_misses, 1))
        return replace(reply, answer=replace(answer, abstained=False, kind="list", citations=near))

    found = breaks(talkative)
    assert "abstention_recall" in found
    assert not found & {"ndcg@10", "quote_validity", "list_f1"}


@pytest.mark.slow
def test_one_answer_to_every_question_breaks_what_lists_and_facts_are_measured_by(
    breaks: Break, replies: dict[str, Reply]
) -> None:
    first = next(iter(replies.values()))

    assert breaks(lambda _: first) >= {
        "list_f1",
        "citation_precision",
        "answer_match",
        "nugget_recall",
        "abstention_recall",
    }
