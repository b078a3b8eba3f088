"""Questions -> waits: what a reader waits for, besides the model, when the assistant answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.peer_reader import Reader
from evals.peer_run import Told, told
from evals.peer_server import Encodes, ModelServer, most_at_once
from evals.peer_systems import WAITS
from ingest import Settings

TOKEN_S = 0.05
BEFORE_FIRST_MS = 150
"""Bar for our own work before the first request."""
HEAD = (
    "answer",
    "question",
    "before the first request, ms",
    "to the first words, s",
    "whole, s",
    "judge calls at once",
)


@dataclass(frozen=True, slots=True)
class Wait:
    """How long one question waited."""

    before_first_ms: float
    """From the question to the first request, as the model's server sees it."""
    first_words_s: float | None
    """From the question to the first words of the answer; None where none came before the whole."""
    whole_s: float
    judged_at_once: int
    """Judge calls under way at the same time, at most."""


def waits(done: Told) -> Iterator[Wait]:
    """How long each question waited, in the order in which they were asked."""
    for line in done.lines:
        own = [call for call in done.calls if line["started"] <= call.came <= line["ended"]]
        yield Wait(
            before_first_ms=(min(call.came for call in own) - line["started"]) * 1_000,
            first_words_s=None if line["first_words"] is None else line["first_words"] - line["started"],
            whole_s=line["ended"] - line["started"],
            judged_at_once=most_at_once([call for call in own if call.form == "judge"]),
        )


def waiting(folder: Path, encoder: Encodes, token_s: float = TOKEN_S) -> list[tuple[str, ...]]:
    """The rows of a table: for each depth the first question of a process, and the slowest of those after it.

    Args:
        folder: See `evals.peer_run.lay_out`; it holds a `library` too.
        encoder: For the server; ours needs none.
        token_s: Seconds that the model takes for a token.

    Raises:
        PeerFailed: See `told`.
    """
    rows = []
    for name, depth in WAITS.items():
        with ModelServer(Reader(), encoder, token_s) as server:
            first, *later = waits(told(name, folder, server))
        rows += [_row(depth, "the first of a process", [first])]
        rows += [_row(depth, f"the slowest of {len(later)} later ones", later)] if later else []
    return rows


def _row(depth: str, which: str, some: list[Wait]) -> tuple[str, ...]:
    limit = Settings.model_fields["model_calls_at_once"].default
    words = [wait.first_words_s for wait in some if wait.first_words_s is not None]
    judged = max(wait.judged_at_once for wait in some)
    return (
        depth,
        which,
        f"{max(wait.before_first_ms for wait in some):.0f}",
        f"{max(words):.1f}" if words else "none came",
        f"{max(wait.whole_s for wait in some):.1f}",
        f"{judged} of {limit}" if judged else "no judge calls",
    )
