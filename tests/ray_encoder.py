"""Encoders for the processes of a Ray cluster, which import this module and little else."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from ingest.encode import Vectors
from tests.fakes import WordEncoder

_JOIN_S = 60
"""Within which a cluster's nodes begin, however busy the machine is."""


class Seen(WordEncoder):
    """Leaves a file for every call, named by node, process and number; takes its time, so that there is a middle.

    No call ends before as many nodes as are named have begun one: else the first to start might do all there is.
    """

    def __init__(self, seen: Path, seconds: float = 0.0, nodes: int = 1) -> None:
        super().__init__()
        self._seen, self._seconds, self._nodes = seen, seconds, nodes

    def encode(self, texts: Sequence[str]) -> Vectors:
        import ray  # noqa: PLC0415  (reads variables when it is imported)

        node = ray.get_runtime_context().get_node_id()
        (self._seen / f"{node}.{os.getpid()}.{time.monotonic_ns()}").touch()
        late = time.monotonic() + _JOIN_S
        while len({file.name.split(".")[0] for file in self._seen.iterdir()}) < self._nodes and time.monotonic() < late:
            time.sleep(0.01)
        time.sleep(self._seconds)
        return super().encode(texts)


class Failing(WordEncoder):
    """Is there, and cannot be used."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise ValueError(f"no weights for {len(texts)} texts")


class OtherWeights(WordEncoder):
    """Has other weights wherever it is sent."""

    def __reduce__(self) -> tuple[type[WordEncoder], tuple[str, int, str]]:
        return WordEncoder, (self.name, 64, "other")
