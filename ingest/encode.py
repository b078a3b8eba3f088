"""Passage -> Vector: the encoder seam, and any sentence-transformers model behind it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.errors import EncoderUnavailable
from ingest.minilm import NAMES, MiniLM
from ingest.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]
"""Shape (n, dimension), rows of unit length."""


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """What a user calls it."""

    @property
    def fingerprint(self) -> str:
        """Hash of its weights, or "" where they are not on this machine. A library never mixes vectors of two."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Returns one row of unit length for each text, float32, shape (len(texts), dimension)."""


class SentenceTransformerEncoder:
    """Any sentence-transformers model, on a GPU where there is one. The weights are loaded at the first `encode`."""

    def __init__(self, name: str, *, offline: bool = False) -> None:
        self._name, self._offline = name, offline

    def __reduce__(self) -> tuple[Callable[[str], SentenceTransformerEncoder], tuple[str]]:
        """Pickled without its weights, which each process has from its own machine."""
        return partial(SentenceTransformerEncoder, offline=self._offline), (self._name,)

    @property
    def name(self) -> str:
        """The model's name or path."""
        return self._name

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the model's safetensors files; "" for a model that only a hub holds."""
        files = sorted(Path(self._name).rglob("*.safetensors"))
        return hashlib.sha256("".join(map(_sha256, files)).encode()).hexdigest() if files else ""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`.

        Raises:
            EncoderUnavailable: The weights cannot be had.
        """
        rows = self._model.encode(
            list(texts), batch_size=32, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(rows, dtype=np.float32)

    @cached_property
    def _model(self) -> SentenceTransformer:
        local = self._offline or Path(self._name).exists()
        if local:
            os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # Imported on first use: torch and transformers take four seconds, and the default model needs neither.
        import transformers  # noqa: PLC0415
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it carries no types
        try:
            return SentenceTransformer(
                self._name,
                trust_remote_code=False,
                local_files_only=local,
                model_kwargs={"use_safetensors": True},  # never a pickle, which can run code
            )
        except (OSError, ValueError) as error:
            raise EncoderUnavailable(self._name, str(error).splitlines()[0]) from error


def _sha256(file: Path) -> str:
    with file.open("rb") as weights:
        return hashlib.file_digest(weights, "sha256").hexdigest()


def open_encoder(settings: Settings) -> Encoder:
    """The encoder that `settings` name; cheap, as weights are loaded at first use."""
    if settings.encoder in NAMES:
        return MiniLM(settings.encoder)
    return SentenceTransformerEncoder(settings.encoder, offline=settings.offline)
