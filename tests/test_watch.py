"""A watched folder: what comes is ingested, a library that is being written is waited for, Ctrl-C ends it cleanly."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

import ingest.watch as watching
from ingest import IngestReport, Library, Settings
from ingest.errors import LibraryBusy, NothingReadable, SourceMissing
from ingest.watch import watch
from tests.conftest import SIX
from tests.fakes import WordEncoder
from tests.processes import ROOT, environment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watching, "TRY_AGAIN_MS", 50)
    made = tmp_path / "pile"
    made.mkdir()
    return made


@pytest.fixture
def reports(folder: Path, settings: Settings) -> Iterator[Iterator[IngestReport | LibraryBusy | NothingReadable]]:
    stop = Event()
    made = watch(folder, settings, sync=True, stop=stop, encoder=WordEncoder())
    yield made
    stop.set()
    assert next(made, None) is None


def put(folder: Path, name: str, *numbers: int) -> None:
    """A file of papers, moved into the folder when it is whole."""
    aside = folder.with_name(name)
    aside.write_text("".join(json.dumps(SIX[number]) + "\n" for number in numbers), "utf-8")
    shutil.move(aside, folder / name)


def test_what_comes_changes_or_goes_is_ingested(
    folder: Path, settings: Settings, reports: Iterator[IngestReport | LibraryBusy | NothingReadable]
) -> None:
    assert isinstance(next(reports), NothingReadable)
    put(folder, "one.jsonl", 0, 1)
    first = next(reports)
    assert isinstance(first, IngestReport)
    assert (first.added, first.works) == (2, 2)
    with Library.open_to_write(settings.library, settings, WordEncoder()):
        put(folder, "two.jsonl", 2)
        assert isinstance(next(reports), LibraryBusy)
    second = next(reports)
    assert isinstance(second, IngestReport)
    assert (second.added, second.works) == (1, 3)
    (folder / "one.jsonl").unlink()
    third = next(reports)
    assert isinstance(third, IngestReport)
    assert (third.removed, third.works) == (2, 1)


def test_a_folder_that_is_not_there_is_a_clear_line(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SourceMissing):
        next(watch(tmp_path / "none", settings, encoder=WordEncoder()))


def test_control_c_ends_the_command_with_0_and_the_library_can_be_written(folder: Path, settings: Settings) -> None:
    put(folder, "one.jsonl", 0)
    command = [sys.executable, "-m", "tests.command", "watch", str(folder), "--library", str(settings.library)]
    variables = environment(WHICHPAPERS_ENCODER=settings.encoder)
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout
        assert b"The library holds 1 works" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err.decode().splitlines()[-1]) == (0, "stopped")
    with Library.open_to_write(settings.library, settings, WordEncoder()) as library:
        assert len(library) == 1
