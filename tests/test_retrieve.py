"""retrieve: ranking, evidence, and what an index in disorder does to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.features import features, feedback, left_aside, probe, read
from assistant.retrieve import POOL, Scope, look, retrieve
from assistant.understand import understand
from ingest import Library, Settings, ingest
from ingest.where import parse
from tests.conftest import SIX
from tests.fakes import WordEncoder


def _titles(library: Library, question: str, k: int = 10) -> list[str]:
    return [hit.paper.title for hit in retrieve(library, understand(question), k)]


def test_papers_that_speak_of_the_subject_come_first(library: Library) -> None:
    found = _titles(library, "which papers use the Hessian for quantization")
    assert set(found[:2]) == {"Curvature-Guided Weight Rounding", "Mixed Precision from Hessian Traces"}
    assert (
        _titles(library, "in what order are text blocks of a scanned page read?")[0] == "Reading Order of Scanned Pages"
    )


def test_a_ranking_is_ordered_whole_and_the_same_each_time(library: Library) -> None:
    query = understand("pruning weights by second derivatives of the loss")
    hits = retrieve(library, query, 10)
    assert len(hits) == len(library)
    keys = [(-hit.similarity, hit.paper.id) for hit in hits]
    assert keys == sorted(keys)
    assert all(0 <= hit.similarity <= 1 for hit in hits)
    assert retrieve(library, query, 10) == hits
    assert retrieve(library, query, 2) == hits[:2]


@pytest.mark.parametrize("expression", ["year >= 2022", "not has_code", "year = 2021", "author ~ author", "has_year"])
def test_a_filter_holds_in_both_arms_and_every_paper_it_lets_through_can_be_found(
    library: Library, expression: str
) -> None:
    fitting = library.matching(parse(expression)).ids
    assert 0 < len(fitting) < len(library)
    for question in ("quantization by the Hessian", "diffusion sampling", "zebras"):
        hits = retrieve(library, understand(question), 10, fitting)
        assert {hit.paper.id for hit in hits} == fitting
    assert retrieve(library, understand("quantization"), 1, fitting)[0].paper.id in fitting


def test_the_few_that_a_filter_lets_through_are_found_however_deep_they_lie(
    settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [
        {"title": f"Rounding {n}", "abstract": f"Weights are rounded by the Hessian, as in {n}."} for n in range(80)
    ]
    few = [{"title": f"Owls of Wood {n}", "abstract": f"Owls bear no weights on tree {n}."} for n in range(3)]
    ingest(write_jsonl(*many, *few), settings=settings, encoder=encoder)
    monkeypatch.setattr("assistant.retrieve._SEARCHED_WITHIN", 20)  # as if the many were a million
    monkeypatch.setattr("assistant.retrieve._ARM_PAPERS", 3)
    with Library.open(settings.library, settings, encoder) as library:
        ids = library.matching(parse("title ~ owls")).ids
        asked = probe(library, understand("rounding of weights by the Hessian"))
        for arm in (Scope.nearest, Scope.saying):
            assert set(arm(Scope.of(library, ids), asked.question)) == ids
            assert not ids & set(arm(Scope.of(library, None), asked.question))
        assert set(Scope.of(library, ids).words(asked.terms)) == ids
        assert not ids & set(Scope.of(library, None).words(asked.terms))


def test_a_filter_that_lets_nothing_through_finds_nothing(library: Library) -> None:
    assert retrieve(library, understand("quantization"), 10, frozenset()) == ()


def test_quotes_are_verbatim_and_show_the_match(library: Library) -> None:
    best = retrieve(library, understand("Who ranks layers by the trace of the Hessian?"), 1)[0]
    assert best.evidence[0].text.startswith("We rank them by the trace of the Hessian")
    for hit in retrieve(library, understand("diffusion"), 6):
        assert hit.evidence
        for quote in hit.evidence:
            assert getattr(hit.paper, quote.field)[quote.start : quote.end] == quote.text


def test_a_paper_without_an_abstract_is_quoted_by_its_title(
    settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path]
) -> None:
    page = write_jsonl({"title": "Tropical Geometry of Networks", "abstract": "."}, {"title": "B", "abstract": "b b."})
    ingest(page, settings.library, settings=settings, encoder=encoder)
    with Library.open(settings.library, settings, encoder) as opened:
        hits = retrieve(opened, understand("tropical geometry"), 5)
    assert hits[0].paper.title == "Tropical Geometry of Networks"
    assert hits[0].evidence


def test_every_paper_can_be_asked_for(
    settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.retrieve._ARM_PAPERS", 2)
    page = write_jsonl(*({"title": f"Title {n}", "abstract": f"Word{n} is all it says."} for n in range(200)))
    ingest(page, settings.library, settings=settings, encoder=encoder)
    with Library.open(settings.library, settings, encoder) as opened:
        assert len(set(_titles(opened, "word7", k=500))) == 200
        assert len(set(_titles(opened, "word7", k=160))) == 160


@pytest.mark.parametrize("question", ["?", "of the", "ξ", "a" * 2_000, "zzz qqq xxx"])
def test_any_question_gets_a_ranking(library: Library, question: str) -> None:
    assert len(_titles(library, question)) == len(library)


def test_features_are_cosines_and_shares(library: Library) -> None:
    query = understand("Which layers get more bits by the Hessian trace?")
    asked = probe(library, query)
    readings = read(library, [paper.id for paper in library.store.every_paper()])
    found = feedback(library, asked, readings)
    table = features(query, asked, found, readings)
    assert sum(asked.terms.values()) == pytest.approx(1)
    assert sum(found.terms.values()) == pytest.approx(1)
    for name, column in table.items():
        assert column.shape == (len(readings),)
        assert ((column >= -1.0001) & (column <= 1.0001)).all(), name
        assert not name.endswith("terms") or (column >= 0).all()


def test_what_is_left_aside_counts_against_a_paper(library: Library) -> None:
    question = "quantization of networks, leaving the trace of the Hessian aside"
    seen = look(library, understand(question), POOL)
    assert seen is not None
    kept = dict(zip((reading.paper.title for reading in seen.readings), seen.kept, strict=True))
    assert kept["Mixed Precision from Hessian Traces"] < kept["Reading Order of Scanned Pages"] == 1
    assert not left_aside(probe(library, understand("quantization")), seen.readings).any()


def test_text_that_changed_is_read_anew(
    settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path]
) -> None:
    def put(abstract: str) -> None:
        page = write_jsonl({"id": "1", "title": "One", "abstract": abstract})
        ingest(page, settings.library, settings=settings, encoder=encoder)

    put("Sharp minima generalise badly. So it is said.")
    with Library.open(settings.library, settings, encoder) as opened:
        assert retrieve(opened, understand("minima"), 1)[0].evidence[0].text == "Sharp minima generalise badly."
        put("Flat minima generalise well. So it is said.")
        opened.refresh()
        assert retrieve(opened, understand("minima"), 1)[0].evidence[0].text == "Flat minima generalise well."


def test_a_paper_seen_again_elsewhere_is_cited_with_both_places(
    library: Library, settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path]
) -> None:
    query = understand("Hessian quantization")
    before = {hit.paper.id: hit.paper for hit in retrieve(library, query, 6)}
    ingest(write_jsonl(SIX[0], name="again.jsonl"), settings.library, settings=settings, encoder=encoder)
    after = {hit.paper.id: hit.paper for hit in retrieve(library, query, 6)}
    assert {i: len(after[i].sources) - len(before[i].sources) for i in after} == {
        i: int(i == "curvature-guided-weight-rounding") for i in before
    }
