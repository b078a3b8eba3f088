"""Hits -> Hits in another order: the reranker seam, and any sentence-transformers cross-encoder behind it.

A reranker says in which order the best papers come. How many of them belong in an answer, and whether there is one, is
still said by the fitted model, whose probabilities are calibrated, whatever the reranker.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike

from assistant.records import ArmHit, PaperHit, Verdict
from ingest import IngestError, Settings
from ingest.settings import variable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

RERANKED = 50
"""Best papers that are put in order."""
RERANKER, FITTED = "reranker", "fitted"
"""Arms of a hit that was put in order: what the reranker says of it, and what the fitted model said before."""


class RerankerUnavailable(IngestError):
    """A reranker cannot be had, or gives no scores. Of ingest's family, as who asks a server cannot mend it."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(
            f"reranker {name!r} cannot be used: {why}; expected in {variable('reranker')} a cross-encoder,"
            " by name or by path to its folder, or nothing"
        )


class Reranker(Protocol):
    """Says how well papers fit a question, each pair read together."""

    @property
    def name(self) -> str:
        """What a user calls it; answers name it in their trace."""

    def scores(self, question: str, texts: Sequence[str]) -> ArrayLike:
        """A finite number for each of `texts` (title, then abstract), shape (len(texts),); greater is better.

        May be called from several threads at once.
        """


def reranked(reranker: Reranker, question: str, hits: Sequence[PaperHit]) -> tuple[PaperHit, ...]:
    """`hits`, the best RERANKED in the order of their scores, ties by the rank that they had; the others stay behind.

    The k-th of them takes the k-th greatest of their similarities.

    Raises:
        RerankerUnavailable: It cannot be had, or gives anything but a finite number a paper.
    """
    best, others = hits[:RERANKED], hits[RERANKED:]
    if not best:
        return ()
    scores = np.asarray(reranker.scores(question, [_text(hit) for hit in best]), np.float64)
    finite = bool(np.isfinite(scores).all())
    if scores.shape != (len(best),) or not finite:
        found = f"numbers of shape {scores.shape}" + ("" if finite else ", some of them not finite")
        raise RerankerUnavailable(reranker.name, f"{found} for {len(best)} papers, where each gets one")
    order = np.argsort(-scores, kind="stable").tolist()
    similarities = sorted((hit.similarity for hit in best), reverse=True)
    moved = (
        replace(
            best[i],
            similarity=similarity,
            arms={
                **best[i].arms,
                RERANKER: ArmHit(rank, float(scores[i])),
                FITTED: ArmHit(i + 1, best[i].similarity),
            },
        )
        for rank, (i, similarity) in enumerate(zip(order, similarities, strict=True), start=1)
    )
    return (*moved, *others)


def judged(judge: Callable[[Sequence[PaperHit]], Verdict], hits: Sequence[PaperHit]) -> Verdict:
    """The verdict on `hits`, reranked or not: in their order, with as many in the answer as `judge` finds before it.

    Args:
        judge: Made for hits in the order of their similarity.
        hits: Those to be judged.
    """
    verdict = judge(hits)
    if not any(RERANKER in hit.arms for hit in hits):
        return verdict
    before = judge(sorted(map(_as_fitted, hits), key=_fitted_rank))
    lacks = {j.paper.id: j.lacks for each in (before, verdict) for j in each.judgements if j.lacks}
    judgements = (
        replace(mine, satisfied=place.satisfied, lacks=None if place.satisfied else lacks.get(mine.paper.id))
        for mine, place in zip(verdict.judgements, before.judgements, strict=True)
    )
    return replace(verdict, judgements=tuple(judgements), abstained_because=before.abstained_because)


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder, on a GPU where there is one. Loaded at the first `scores`."""

    def __init__(self, name: str, *, offline: bool = False) -> None:
        """A model by its name or path; `offline` takes it from this machine alone."""
        self._name, self._offline, self._one_at_a_time = name, offline, Lock()

    @property
    def name(self) -> str:
        """The model's name or path."""
        return self._name

    def scores(self, question: str, texts: Sequence[str]) -> ArrayLike:
        """See `Reranker.scores`; what is too long for the model is cut.

        Raises:
            RerankerUnavailable: The model cannot be had, or cannot read pairs of texts.
        """
        from safetensors import SafetensorError  # noqa: PLC0415  (only who sets a reranker needs it)

        try:
            with self._one_at_a_time:  # its tokenizer cannot be used twice at a time
                pairs = [(question, text) for text in texts]
                return self._model.predict(pairs, activation_fn=_as_it_is, show_progress_bar=False)
        except (ImportError, OSError, RuntimeError, SafetensorError, ValueError) as error:
            raise RerankerUnavailable(self._name, str(error).strip().partition("\n")[0]) from error

    @cached_property
    def _model(self) -> CrossEncoder:
        if self._offline:
            os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # Imported on first use: torch and transformers take four seconds, and nothing else here needs them.
        import transformers  # noqa: PLC0415
        from sentence_transformers import CrossEncoder  # noqa: PLC0415

        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it carries no types
        transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        model: CrossEncoder = CrossEncoder(
            self._name,
            trust_remote_code=False,
            local_files_only=self._offline or Path(self._name).exists(),
            model_kwargs={"use_safetensors": True},  # never a pickle, which can run code
        )
        trained = getattr(model.config, "architectures", None) or ()
        if type(model.model).__name__ not in trained:  # its last layer would be made up at random
            raise ValueError(f"it is no cross-encoder, but {', '.join(trained) or 'of no known architecture'}")
        return model


def open_reranker(settings: Settings) -> Reranker | None:
    """The reranker that `settings` name, if any; cheap, as weights are loaded at first use."""
    return CrossEncoderReranker(settings.reranker, offline=settings.offline) if settings.reranker else None


def _as_it_is(logits: object) -> object:
    """Instead of a sigmoid, which gives all great scores the same value."""
    return logits


def _text(hit: PaperHit) -> str:
    return f"{hit.paper.title}. {hit.paper.abstract}"


def _as_fitted(hit: PaperHit) -> PaperHit:
    return replace(hit, similarity=hit.arms[FITTED].value) if FITTED in hit.arms else hit


def _fitted_rank(hit: PaperHit) -> float:
    return hit.arms[FITTED].rank if FITTED in hit.arms else math.inf
