"""Seconds -> faults: mutates what readers have met, guided by coverage (atheris), until one of them breaks.

`python -m tests.fuzz run SECONDS FOLDER` goes on from corpus and samples; what breaks a reader is left in FOLDER.
`python -m tests.fuzz keep FOLDER` makes the corpus anew of the least inputs that cover all that FOLDER covers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.corpus import DICTIONARY, inputs, seeds, write

MAX_BYTES = 8_192
MAX_MEMORY_MB = 1_000
HANG_S = 60
"""By the clock, on a machine that others use too; `targets.check` holds inputs to processor time."""


def main() -> None:
    """See above."""
    if sys.argv[1:2] == ["run"] and len(sys.argv) == 4:
        sys.exit(run(int(sys.argv[2]), Path(sys.argv[3])))
    if sys.argv[1:2] == ["keep"] and len(sys.argv) == 3:
        sys.exit(keep(Path(sys.argv[2])))
    sys.exit(str(__doc__))


def run(seconds: int, folder: Path) -> int:
    """Fuzzes for `seconds`, or until a reader breaks."""
    _unpack(folder)
    return _child(f"-max_total_time={seconds}", f"-artifact_prefix={folder}/broken-", str(folder / "inputs"))


def keep(folder: Path) -> int:
    """Makes the corpus anew."""
    _unpack(folder)
    with tempfile.TemporaryDirectory() as name:
        again, least = Path(name, "again"), Path(name, "least")
        again.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.fuzz.instrumented "$@"\n')
        again.chmod(0o700)
        least.mkdir()
        if code := _child("-merge=1", str(least), str(folder / "inputs"), FUZZ_AGAIN=str(again)):
            return code
        broken = [path for path in (folder / "inputs").iterdir() if path.name.startswith("broken-")]
        # Those alike stand together, so that they pack well.
        kept = sorted((path.read_bytes(), path.name) for path in (*least.iterdir(), *broken, *folder.glob("broken-*")))
        write((name, content) for content, name in kept)
    return 0


def _unpack(folder: Path) -> None:
    """Lays corpus and samples where libFuzzer reads and writes."""
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    for name, content in (*inputs(), *seeds()):
        (folder / "inputs" / name).write_bytes(content)


def _child(*arguments: str, **variables: str) -> int:
    bounds = [f"-max_len={MAX_BYTES}", f"-rss_limit_mb={MAX_MEMORY_MB}", f"-timeout={HANG_S}", f"-dict={DICTIONARY}"]
    command = [sys.executable, "-m", "tests.fuzz.instrumented", *bounds, *arguments]
    return subprocess.run(command, env=os.environ | variables, check=False).returncode


if __name__ == "__main__":
    main()
