"""Seconds -> faults: mutates what readers have met, guided by coverage (atheris), until one of them breaks.

`python -m tests.fuzz run SECONDS FOLDER` goes on from corpus and samples; what breaks a reader is left in FOLDER.
`python -m tests.fuzz keep FOLDER` makes the corpus anew of the least inputs that cover all that FOLDER covers.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.fuzz.corpus import CORPUS, DICTIONARY, inputs, seeds

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
    with tempfile.TemporaryDirectory() as least:
        if code := _child("-merge=1", least, str(folder / "inputs")):
            return code
        with zipfile.ZipFile(CORPUS, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as corpus:
            for path in sorted(Path(least).iterdir()):
                corpus.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return 0


def _unpack(folder: Path) -> None:
    """Lays corpus and samples where libFuzzer reads and writes."""
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    for name, content in (*inputs(), *seeds()):
        (folder / "inputs" / name).write_bytes(content)


def _child(*arguments: str) -> int:
    bounds = [f"-max_len={MAX_BYTES}", f"-rss_limit_mb={MAX_MEMORY_MB}", f"-timeout={HANG_S}", f"-dict={DICTIONARY}"]
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz.instrumented", *bounds, *arguments], check=False
    ).returncode


if __name__ == "__main__":
    main()
