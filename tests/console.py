"""Lines that docs and --help show, run as a reader would type them: one after the other, in this process and a folder.

`whichpapers ... > FILE` and `whichpapers ... | whichpapers ...` are understood, and `export NAME=VALUE`. Words stand in
for the encoder's weights; a program that the command line becomes is called instead.
"""

from __future__ import annotations

import io
import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli import main
from assistant.commands import programs
from evals.__main__ import command as evaluation
from ingest import Library, Settings, ingest
from ingest.export import EXPORTS
from tests.command import words_for
from tests.conftest import SIX
from tests.fakes import WordEncoder

Console = Callable[[str], str]
"""Runs a line and gives what it printed."""


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """Runs lines in a folder that holds what the examples name."""
    _files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("WHICHPAPERS_ENCODER", "words-64")
    monkeypatch.setattr("ingest.library.open_encoder", words_for)
    monkeypatch.setattr(programs, "_become", _called)

    def run(line: str) -> str:
        words = shlex.split(line)
        if words[0] == "export":
            for word in words[1:]:
                monkeypatch.setenv(*word.split("=", 1))
            return ""
        target = Path(words.pop()) if words[-2:-1] == [">"] and words.pop(-2) else None
        out = ""
        for command in " ".join(map(shlex.quote, words)).split(" '|' "):
            out = _run(shlex.split(command), out, monkeypatch)
        if target:
            target.write_text(out, "utf-8")
        return out

    return run


def _run(words: list[str], given: str, monkeypatch: pytest.MonkeyPatch) -> str:
    assert words[0] == "whichpapers", words
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with monkeypatch.context() as patched:
        for name, value in (("argv", words), ("stdin", io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8"))):
            patched.setattr(sys, name, value)
        for name, stream in (("stdout", out), ("stderr", err)):
            patched.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as ended:
            main()
    out.flush()
    assert not ended.value.code, (words, err.getvalue())
    return out.buffer.getvalue().decode()


def _called(module: str, arguments: list[str]) -> None:
    assert module == "evals", f"nothing calls {module} in place of a process"
    evaluation(arguments, standalone_mode=False)


def _files(folder: Path) -> None:
    """A library of six papers, and files that could fill one."""
    settings = Settings(library=folder / "my-library", encoder="words-64", offline=True)
    source = folder / "papers.jsonl"
    source.write_text("\n".join(map(json.dumps, SIX)), "utf-8")
    ingest(source, settings=settings, encoder=WordEncoder())
    with Library.open(settings.library, settings, WordEncoder()) as library:
        papers = list(library.store.every_paper())
    for name in ("pages", "PAGES"):
        (folder / name).mkdir(exist_ok=True)
        shutil.copy(source, folder / name)
    source.unlink()
    for name, form in (("refs.bib", "bibtex"), ("export.csv", "csv"), ("refs.ris", "ris"), ("refs.json", "csl")):
        (folder / name).write_text(EXPORTS[form](papers), "utf-8")
    (folder / "table.csv").write_text(
        "Name,Notes\nBridges of Paper,We fold bridges from one sheet of paper.\n", "utf-8"
    )
