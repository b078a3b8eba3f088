"""judge: the cut of a list, the honest no, and what the nearest misses lack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.features import JOINT
from assistant.judge import best_cut, judge, off_topic, said_outright, shifted, signs
from assistant.records import ArmHit, PaperHit, Quote
from assistant.retrieve import retrieve
from assistant.understand import understand
from assistant.weights import Logistic, load
from ingest import Library, Paper, Settings, ingest

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=40).map(lambda p: np.array(sorted(p, reverse=True)))


def _hit(similarity: float, cosine: float, abstract: str = "We do it in 3 steps.", number: int = 1) -> PaperHit:
    paper = Paper(f"p{number}", "A Title", abstract)
    arms = {name: ArmHit(1, cosine) for name in ("question", "content", "sentence_terms", *JOINT)}
    return PaperHit(paper, similarity, (Quote(abstract, 0, len(abstract), "abstract"),), arms)


@pytest.fixture(scope="module")
def encoded(six_papers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The six papers as the real encoder sees them: what was fitted on its vectors says little of others."""
    settings = Settings(library=tmp_path_factory.mktemp("encoded") / "library", offline=True)
    ingest(six_papers / "papers.jsonl", settings=settings)
    with Library.open(settings.library, settings) as library:
        yield library


@pytest.mark.parametrize(
    ("probabilities", "cut"),
    [([0.9, 0.9, 0.1, 0.0], 2), ([0.9, 0.2, 0.1], 1), ([0.4] * 6, 6), ([0.01], 1), ([1.0, 1.0, 1.0], 3)],
)
def test_the_cut_is_where_expected_f1_is_greatest(probabilities: list[float], cut: int) -> None:
    assert best_cut(np.array(probabilities)) == cut


@given(PROBABILITIES)
def test_no_other_cut_is_better(probabilities: np.ndarray) -> None:
    def expected(count: int) -> float:
        return float(2 * probabilities[:count].sum() / (count + probabilities.sum()))

    cut = best_cut(probabilities)
    assert 1 <= cut <= len(probabilities)
    assert expected(cut) >= max(expected(count) for count in range(1, len(probabilities) + 1)) - 1e-9


@given(PROBABILITIES)
def test_a_shift_keeps_the_order(probabilities: np.ndarray) -> None:
    moved = shifted(probabilities, 0.7)
    assert (moved >= probabilities - 1e-9).all()
    assert (np.diff(moved) <= 1e-9).all()
    assert shifted(probabilities, 0.0) == pytest.approx(probabilities, abs=1e-6)


def test_every_hit_is_judged_and_the_chosen_come_first(library: Library) -> None:
    query = understand("which papers use the Hessian for quantization")
    hits = retrieve(library, query, 10)
    verdict = judge(library, query, hits)
    assert verdict.abstained_because is None
    assert [judgement.paper for judgement in verdict.judgements] == [hit.paper for hit in hits]
    satisfied = [judgement.satisfied for judgement in verdict.judgements]
    assert satisfied == sorted(satisfied, reverse=True)
    assert satisfied[0]
    assert all(judgement.lacks is None for judgement in verdict.judgements if judgement.satisfied)


def test_a_miss_says_which_aspect_it_does_not_mention(library: Library) -> None:
    query = understand("which papers use the Hessian for reading order")
    verdict = judge(library, query, retrieve(library, query, 10))
    lacks = {judgement.paper.title: judgement.lacks for judgement in verdict.judgements}
    assert "does not mention “Hessian”, “reading order”" in lacks.values()


def test_a_question_far_from_every_paper_gets_no_answer(library: Library) -> None:
    query = understand("Where can I get the best pizza?")
    verdict = judge(library, query, [_hit(0.9, 0.1), _hit(0.8, 0.2, number=2)])
    assert verdict.abstained_because == "off_topic"
    assert not any(judgement.satisfied for judgement in verdict.judgements)
    assert verdict.judgements[0].lacks


def test_nothing_to_judge_is_nothing_found(library: Library) -> None:
    assert judge(library, understand("pizza"), ()).abstained_because == "nothing_found"


@pytest.mark.parametrize(
    ("question", "abstract", "missing"),
    [
        ("How many steps does it take?", "It takes 3 steps.", 0.0),
        ("How many steps does it take?", "It takes ten steps.", 0.0),
        ("How many steps does it take?", "It takes few steps.", 1.0),
        ("Why does it take steps?", "It takes few steps.", 0.0),
    ],
)
def test_a_number_asked_for_must_be_in_the_best_quotes(
    library: Library, question: str, abstract: str, missing: float
) -> None:
    assert signs(library, understand(question), [_hit(0.9, 0.9, abstract)])["number_missing"] == missing


def test_a_name_asked_about_must_be_in_a_top_paper(library: Library) -> None:
    question = understand("What does DeepFoo prove about ResNet-50?")
    without, half, whole = (
        signs(library, question, [_hit(0.9, 0.9, text)])["names_missing"]
        for text in ("Nothing here.", "We present DeepFoo.", "DeepFoo beats ResNet-50.")
    )
    assert without == pytest.approx(1)
    assert 0 < half < 1
    assert whole == pytest.approx(0)


def test_what_one_of_the_top_papers_covers_is_not_missing(library: Library) -> None:
    worse, better = _hit(0.9, 0.5), _hit(0.8, 0.2, number=2)
    found = signs(library, understand("steps of it"), [worse, better])
    assert (found["aspect_missing"], found["term_missing"], found["beyond_parts"]) == (0.2, 0.2, 0.5)
    assert found["apart"] == 0.5


@pytest.mark.parametrize(
    ("question", "refused"),
    [
        ("which papers use the Hessian for quantization", False),
        ("pruning of scanned pages", True),
        ("reading order by curvature", True),
        ("reading order of document pages", False),
    ],
)
def test_two_things_that_no_paper_joins_get_no_list(encoded: Library, question: str, refused: bool) -> None:
    query = understand(question)
    verdict = judge(encoded, query, retrieve(encoded, query, 10))
    assert (verdict.abstained_because == "nothing_found") is refused


@pytest.mark.parametrize(
    "question", ["which papers use ResNet-50?", "what is ResNet-50?", "scanned pages", "What is d/eps^2?"]
)
def test_what_a_sentence_says_in_all_the_words_of_a_question_is_never_refused(library: Library, question: str) -> None:
    query = understand(question)
    verdict = judge(library, query, retrieve(library, query, 10))
    assert verdict.abstained_because is None
    assert any(judgement.satisfied for judgement in verdict.judgements)


@pytest.mark.parametrize("question", ["which papers use ResNet-51?", "How many hours does the graph network take?"])
def test_what_no_sentence_says_may_be_refused(library: Library, question: str) -> None:
    query = understand(question)
    hits = retrieve(library, query, 10)
    assert not said_outright(query, hits)


def test_a_number_that_is_asked_for_must_be_in_what_is_said() -> None:
    query = understand("How many errors does the graph network make?")
    with_number, without = (_hit(0.9, 1.0, text) for text in ("It makes 3 errors.", "It makes errors."))
    assert said_outright(query, [with_number])
    assert not said_outright(query, [without])


def test_off_topic_looks_at_the_nearest_paper() -> None:
    assert off_topic([_hit(0.5, 0.1), _hit(0.4, 0.2, number=2)])
    assert not off_topic([_hit(0.5, 0.1), _hit(0.4, 0.6, number=2)])
    far = _hit(0.5, 0.1)
    assert not off_topic([replace(far, arms={**far.arms, "sentence_terms": ArmHit(1, 1.0)})])


def test_the_fitted_parameters_are_whole() -> None:
    weights = load()
    assert set(weights.answerable.weights) == {"names_missing", "number_missing", *JOINT}
    assert all((weight > 0) == (name == "beyond_parts") for name, weight in weights.answerable.weights.items())


def test_a_logistic_model_says_a_half_at_its_line() -> None:
    model = Logistic(-1.0, {"x": 2.0})
    assert model.probability({"x": np.array([0.5, 50, -50]), "y": 1}) == pytest.approx([0.5, 1, 0], abs=1e-9)
