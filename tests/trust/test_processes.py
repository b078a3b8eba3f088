"""One writer and three readers, each a process: nothing missing, nothing late, nobody in the writer's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest import Library, Settings, ingest
from ingest.errors import LibraryBusy
from tests.fakes import WordEncoder
from tests.libraries import assert_whole
from tests.processes import ROOT, environment
from tests.trust.tier import amount

READERS = 3
VISIBLE_S = 2.0
"""On a machine that does nothing else."""


def start_reader(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.trust.reader", str(path)],
        cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_readers_see_all_that_a_writer_writes_and_soon(
    path: Path, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    crowded = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # by whoever else works on this machine
    readers = [start_reader(path) for _ in range(READERS)]
    assert [reader.stdout.readline() for reader in readers if reader.stdout] == READERS * ["ready\n"]
    ends = time.monotonic() + amount(6, 300)
    written: dict[int, float] = {}
    while time.monotonic() < ends:
        number = len(written)
        source = path.parent / f"new{number}.jsonl"
        record = {"title": f"Newt number {number}", "abstract": f"Newts a{number}b swim. Pond c{number}d is wet."}
        source.write_text(json.dumps(record) + "\n")
        works = ingest(source, path, settings=settings, encoder=WordEncoder()).works
        written[works] = time.time()
        time.sleep(0.2)
    time.sleep(VISIBLE_S * crowded)
    late, asked = [], 0
    for reader in readers:
        out, _ = reader.communicate("end\n", timeout=60)
        assert reader.returncode == 0
        *sightings, told = map(json.loads, out.splitlines())
        assert told["wrong"] == []
        asked += told["asked"]
        assert sightings[-1]["papers"] == max(written)
        for papers, at in written.items():
            seen = next(each["at"] for each in sightings if each["papers"] >= papers)
            late.append(max(0.0, seen - at))
    with Library.open(path, settings, WordEncoder()) as library:
        assert_whole(library)
    late.sort()
    record_property("cases", asked)
    told = (
        f"{len(written)} papers written one by one while {READERS} processes searched {asked:,} times; each was seen by"
    )
    record_property("told", f"{told} all, at the latest {late[-1]:.2f} s after the writer was done")
    assert late[-1] <= VISIBLE_S * crowded


def test_of_twenty_second_writers_each_is_refused(
    path: Path, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    with Library.open_to_write(path, settings, WordEncoder()):
        for _ in range(20):
            with pytest.raises(LibraryBusy, match=f"process {os.getpid()}"):
                Library.open_to_write(path, settings, WordEncoder())
    record_property("cases", 20)
