"""Other processes, as tests start them: the real command line, the same with a fake encoder, a writer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """A child's: that of the test, and nothing of the user's terminal."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "COLUMNS": "80"} | variables


def run_module(module: str, *arguments: str | Path, **variables: str) -> Ended:
    return _run("-m", module, *arguments, **variables)


def run_code(code: str, *arguments: str | Path, **variables: str) -> Ended:
    return _run("-c", code, *arguments, **variables)


def _run(*arguments: str | Path, **variables: str) -> Ended:
    ended = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def whichpapers(*arguments: str | Path, **variables: str) -> Ended:
    """The real command line."""
    return run_module("assistant", *arguments, **variables)


def with_fake_encoder(*arguments: str | Path, **variables: str) -> Ended:
    """The command line, with words for an encoder (see tests/command.py)."""
    return run_module("tests.command", *arguments, **variables)


def as_nobody(folder: Path, *commands: Sequence[str | Path]) -> list[Ended]:
    """What becomes of these commands, given by a user without any rights."""
    folder.mkdir()
    process = subprocess.run(
        [sys.executable, "-m", "tests.as_nobody", str(folder)],
        input=json.dumps(commands, default=str).encode(),
        cwd=ROOT,
        env=environment(WHICHPAPERS_ENCODER="words-64"),
        capture_output=True,
        timeout=120,
        check=True,
    )
    return [Ended(*told) for told in json.loads(process.stdout)]


def start_writer(*arguments: str | Path) -> subprocess.Popen[str]:
    """See tests/writer.py."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.writer", *map(str, arguments)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
