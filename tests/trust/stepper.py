"""A writer that is killed at a step: `python -m tests.trust.stepper LIBRARY SOURCE STEP`, fake encoder."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest import Library, Settings, ingest
from ingest.chroma_folder import ChromaFolder
from ingest.store import Store
from ingest.vectors import VectorIndex
from ingest.words import WordIndex
from tests.fakes import WordEncoder
from tests.trust.off import switch_off

STEPS: dict[str, tuple[type, str, str]] = {
    "database opened": (Store, "__init__", "after"),
    "first text written, not committed": (Store, "put_paper", "after"),
    "first change owed, not committed": (Store, "_owe", "after"),
    "all committed, nothing indexed": (Library, "add", "after"),
    "sources compared": (Library, "visited", "after"),
    "words to be written": (WordIndex, "apply", "before"),
    "words written, not acknowledged": (WordIndex, "apply", "after"),
    "words acknowledged": (Store, "acknowledge", "after"),
    "vectors to be written": (VectorIndex, "apply", "before"),
    "vectors written, not stamped": (ChromaFolder, "_stamp", "before"),
    "vectors written, not acknowledged": (VectorIndex, "apply", "after"),
    "all indexed, not told": (Library, "log", "before"),
}


def kill_at(step: str) -> None:
    """Makes this process die when it comes to `step`."""
    owner, name, when = STEPS[step]
    real: Callable[..., Any] = getattr(owner, name)

    def dying(*arguments: Any, **options: Any) -> Any:
        if when == "after":
            real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(owner, name, dying)


def main(library: str, source: str, step: str) -> None:
    switch_off()
    kill_at(step)
    settings = Settings(library=Path(library), encoder="words-64", offline=True)
    ingest(source, library, settings=settings, encoder=WordEncoder(), sync=True)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
