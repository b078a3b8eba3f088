"""A writer in a process of its own: `python -m tests.writer LIBRARY SOURCE [SECONDS A BATCH | hold]`, fake encoder.

With `hold` it takes the library to write, says so on stdout, and keeps it until stdin ends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ingest import Library, Settings, ingest
from ingest.encode import Vectors
from tests.fakes import WordEncoder


class SlowEncoder(WordEncoder):
    """Tells when it begins a batch, and takes its time over it, so that there is something to interrupt."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def encode(self, texts: Sequence[str]) -> Vectors:
        print("batch", flush=True)
        time.sleep(self._seconds)
        return super().encode(texts)


def main(library: str, source: str, how: str = "0") -> None:
    settings = Settings(library=Path(library), encoder="words-64", offline=True)
    if how == "hold":
        with Library.open_to_write(Path(library), settings, WordEncoder()):
            print("held", flush=True)
            sys.stdin.read()
    else:
        print("begin", flush=True)
        ingest(source, library, settings=settings, encoder=SlowEncoder(float(how)))
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
