"""Disks that fill up at any size, and clocks that jump: what was stored is there, and a second try completes it."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from assistant import Assistant, verify
from ingest import Library, Settings, ingest
from ingest.errors import LibraryReadOnly
from ingest.export import jsonl
from ingest.records import Paper
from tests.disks import small_disk
from tests.fakes import WordEncoder
from tests.libraries import many
from tests.test_by_llm import CURVATURE, QUESTION, TRACES
from tests.test_crash import contents
from tests.trust.tier import amount, some

SIZES = ("1m", "2m", "3m", "4m", "5m", "6m", "8m", "10m", "12m", "16m", "24m", "40m")
ADDED = 300


@pytest.mark.slow
@pytest.mark.parametrize("size", some(SIZES, 3))
def test_a_disk_that_fills_up_loses_nothing(
    size: str, tmp_path: Path, six_papers: Path, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    source = tmp_path / "many.jsonl"
    source.write_text(jsonl(many(ADDED)), "utf-8")
    refused = False
    with small_disk(tmp_path / "disk", size) as disk:
        path = disk.path / "library"
        try:
            shutil.copytree(six_papers / "library", path)
        except (OSError, shutil.Error):
            pytest.fail(f"{size} does not hold the library that it begins with")
        try:
            ingest(source, path, settings=settings, encoder=WordEncoder())
        except LibraryReadOnly as error:
            refused = True
            assert "\n" not in str(error)
        with Library.open(path, settings, WordEncoder()) as library:
            assert {CURVATURE, TRACES} <= {paper.title for paper in library.store.every_paper()}
            with suppress(LibraryReadOnly):
                answer = Assistant(library, settings).ask(QUESTION)
                assert verify(answer, library).problems == ()
                assert {CURVATURE, TRACES} <= {citation.paper.title for citation in answer.citations}
        disk.grow()
        ingest(source, path, settings=settings, encoder=WordEncoder())
        papers, *_ = contents(path, settings)
        assert len(papers) == 6 + ADDED
    record_property(
        "told", f"a disk of {size}B: {'refused in one line' if refused else 'large enough'}, completed after"
    )


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(
    path: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    source, real, draw = tmp_path / "many.jsonl", time.time, random.Random(3)  # noqa: S311 (seeded)
    source.write_text(jsonl(many(30)), "utf-8")
    expected = contents(Path(shutil.copytree(path, tmp_path / "clean")), settings)[0] + list(many(30))
    monkeypatch.setattr(time, "time", lambda: real() + draw.uniform(-4e8, 4e8))  # a dozen years either way
    jumps = amount(3, 30)
    for _ in range(jumps):
        ingest(source, path, settings=settings, encoder=WordEncoder())
        with Library.open(path, settings, WordEncoder()) as library:
            assert verify(Assistant(library, settings).ask(QUESTION), library).problems == ()
    assert [paper.title for paper in contents(path, settings)[0]] == sorted_titles(expected)
    record_property("cases", jumps)


def sorted_titles(papers: list[Paper]) -> list[str]:
    return [paper.title for paper in sorted(papers, key=lambda paper: paper.id)]
