"""Graded questions -> encoder's weights: what is learnt, from what, and what of it is shipped."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from evals import train_encoder
from evals.beir import read_collection
from evals.held_out import write_collection
from evals.questions import Abstract, Question, read_pool, read_questions
from evals.train_encoder import Encoder, question_loss
from ingest import minilm_tuning
from ingest.minilm import TUNING_SHA256
from ingest.minilm_tuning import difference, tuned

POOL = {
    "owls": Abstract("Owls", "Owls hunt mice at night. They hear well."),
    "bees": Abstract("Bees", "Bees dance."),
    "none": Abstract("Nothing", ""),
}
QUESTION = Question("which animals hunt in the dark?", 1, tuple(POOL), {"owls": 2})


class Placed(torch.nn.Module):
    """Texts that begin alike are alike; `owls` says how near the question is to them."""

    def __init__(self, owls: float) -> None:
        super().__init__()
        self.owls = owls

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        own = {"which": [self.owls, 0.1], "Owls.": [1.0, 0.0]}
        return torch.tensor([own.get(text.split()[0], [0.0, 1.0]) for text in texts])


def chance(seed: int = 0) -> random.Random:
    return random.Random(seed)  # noqa: S311 (guards nothing)


def test_the_questions_are_of_their_groups_and_graded() -> None:
    questions = read_questions()
    assert len(questions) == len({question.text.casefold() for question in questions}) == 2_400
    for question in questions:
        assert len(set(question.papers)) == 10
        assert question.grades
        assert question.grades.keys() <= set(question.papers)
        assert set(question.grades.values()) <= {1, 2}


def test_no_paper_of_the_questions_kept_is_trained_on() -> None:
    kept = {paper for question in read_questions() if question.kept for paper in question.papers}
    trained = {paper for question in read_questions() if not question.kept for paper in question.papers}
    assert (len(kept), len(trained), kept & trained) == (2_000, 4_000, set())


def test_of_the_pool_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    rows = [{"_id": name, "title": f" {name}\n", "text": "Some  text."} for name in ("a", "b")]
    (tmp_path / "pool.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    assert read_pool(tmp_path / "pool.gz", frozenset({"b"})) == {"b": Abstract("b", "Some text.")}


def test_what_was_kept_becomes_a_collection(tmp_path: Path) -> None:
    kept = [question for question in read_questions() if question.kept]
    papers = sorted({paper for question in kept for paper in question.papers})
    rows = [json.dumps({"_id": paper, "title": f"T {paper}", "text": "Owls hunt."}) for paper in papers]
    (tmp_path / "pool.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    write_collection(tmp_path / "pool.gz", tmp_path / "kept")
    collection = read_collection(tmp_path / "kept")
    assert sorted(collection.documents.values()) == papers
    assert list(collection.queries.values()) == [question.text for question in kept]
    assert list(collection.relevant.values()) == [question.grades for question in kept]


def test_a_paper_is_read_as_the_library_reads_it() -> None:
    assert POOL["owls"].whole == "Owls. Owls hunt mice at night. They hear well."
    assert POOL["owls"].passages == ("Owls. Owls hunt mice at night.", "Owls. They hear well.")
    assert POOL["none"].passages == ("Nothing. ",)


@pytest.mark.parametrize("seed", range(4))  # whole abstracts, and title and sentence
def test_the_loss_is_least_where_the_answer_is_nearest(seed: int) -> None:
    far, near = (
        float(question_loss(Placed(owls), [QUESTION], POOL, chance(seed)))  # type: ignore[arg-type]  # stands in
        for owls in (-0.9, 0.9)
    )
    assert near < 0.01
    assert far > 1


@pytest.mark.slow
def test_training_learns_and_leaves_the_lower_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_encoder, "TITLE_BATCHES", 1)
    monkeypatch.setattr(train_encoder, "TITLES_AT_ONCE", len(POOL))
    encoder = Encoder()
    before = {name: weight.clone() for name, weight in encoder.model.state_dict().items()}

    def loss() -> float:
        with torch.no_grad():
            return float(question_loss(encoder, [QUESTION], POOL, chance()))

    untrained = loss()
    train_encoder.train(encoder, [QUESTION] * train_encoder.QUESTIONS_AT_ONCE, POOL)
    assert loss() < untrained
    changed = {name for name, weight in encoder.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed
    assert all(name.startswith(tuple(f"encoder.layer.{layer}." for layer in (2, 3, 4, 5))) for name in changed)


def test_what_is_shipped_is_within_half_a_step_of_what_was_trained() -> None:
    chance = np.random.default_rng(1)
    published = {"a.weight": chance.normal(size=(5, 7)), "a.bias": chance.normal(size=5), "b.weight": np.eye(3)}
    published = {name: weight.astype(np.float32) for name, weight in published.items()}
    trained = {name: weight + np.float32(0.01) * np.abs(weight) for name, weight in published.items()}
    trained["b.weight"] = published["b.weight"]
    trained["a.weight"][0] = published["a.weight"][0]
    made = tuned(published, difference(published, trained))
    assert {name: str(weight.dtype) for name, weight in made.items()} == dict.fromkeys(published, "float32")
    steps = np.abs(trained["a.weight"] - published["a.weight"]).max(axis=1, keepdims=True) / 127
    assert np.all(np.abs(made["a.weight"] - trained["a.weight"]) <= steps * 0.51 + 1e-7)
    np.testing.assert_array_equal(made["a.bias"], trained["a.bias"])
    assert made["b.weight"] is published["b.weight"]


def test_the_file_that_is_shipped_is_the_one_that_is_named() -> None:
    assert hashlib.sha256(minilm_tuning.TUNING.read_bytes()).hexdigest() == TUNING_SHA256
    assert minilm_tuning.TUNING.stat().st_size < 10_000_000
