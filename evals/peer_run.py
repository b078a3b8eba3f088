"""Questions -> what one system did with them: run in a process of its own, with the scripted model to ask."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals import peer_systems
from evals.cases import Asked
from evals.errors import EvalsError
from evals.peer_server import Call, ModelServer
from ingest import Library

_PACKAGE_OF = {"paperqa": "paper-qa", "llama_index": "whichpapers[bench]"}


@dataclass(frozen=True, slots=True)
class Told:
    """What one system did with all questions."""

    calls: tuple[Call, ...]
    """As the model's server counted them."""
    lines: tuple[Mapping[str, Any], ...]
    """What it wrote, a line a question."""
    versions: Mapping[str, str]
    """Of what it is made of, by package."""


class PeerFailed(EvalsError):
    """A system did not come to its end."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(why)


def lay_out(folder: Path, library: Library, asked: Asked) -> None:
    """Writes the papers and the questions that `evals.peer_systems` reads."""
    papers = ({"title": paper.title, "abstract": paper.abstract} for paper in library.store.every_paper())
    questions = ({"id": case.id, "question": case.question} for case, _ in asked)
    for name, rows in (("papers", papers), ("questions", questions)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def told(name: str, folder: Path, server: ModelServer, python: str = sys.executable) -> Told:
    """What the system `name` does, run by `python`, over what lies in `folder`.

    Raises:
        PeerFailed: Something that it needs is missing, or it failed.
    """
    program = ["-m", peer_systems.__name__]
    if python != sys.executable:  # has none of our packages, and must not take `evals/statistics.py` for its own
        program = ["-P", str(Path(peer_systems.__file__))]
    settings = ("OPENAI_", "WHICHPAPERS_")
    environment = {variable: value for variable, value in os.environ.items() if not variable.startswith(settings)}
    before = len(server.calls)
    try:
        subprocess.run(  # noqa: S603 (our own program, by a Python that the user named)
            [python, *program, name, str(folder), server.url],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except OSError as error:
        raise PeerFailed(name, f"{python!r} cannot be run: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise PeerFailed(name, _why(error.stderr)) from error
    lines = (folder / f"{name}.jsonl").read_text("utf-8").splitlines()
    versions = json.loads((folder / f"{name}.versions").read_text("utf-8"))
    return Told(tuple(server.calls[before:]), tuple(map(json.loads, lines)), versions)


def _why(stderr: str) -> str:
    """The last line of a traceback, or what to install."""
    last = (stderr.strip().splitlines() or ["it ended without a word"])[-1]
    if not last.startswith("ModuleNotFoundError"):
        return f"failed: {last}"
    missing = last.split("'")[1]
    package = _PACKAGE_OF.get(missing.partition(".")[0], missing)
    return f"not installed: no module {missing!r}; get it with: pip install '{package}'"
