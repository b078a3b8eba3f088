"""`kill -9` at random moments of an ingest: nothing is lost, nothing is there twice, nothing needs a hand."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ingest import Library, Settings, ingest
from ingest.export import jsonl
from ingest.records import Paper, Passage
from tests.fakes import WordEncoder
from tests.libraries import assert_whole, many
from tests.processes import start_writer

KILLS = int(os.environ.get("TRUST_KILLS", "20"))
PAPERS = 300
BATCH_SECONDS = 0.05

Moment = tuple[int, float]
"""When to kill: once so many batches were begun (0: none yet), and so many seconds later."""
Contents = tuple[list[Paper], dict[str, tuple[Passage, ...]], int, int]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "many.jsonl"
    path.write_text(jsonl(many(PAPERS)), "utf-8")
    return path


def contents(path: Path, settings: Settings) -> Contents:
    with Library.open(path, settings, WordEncoder()) as library:
        assert_whole(library)
        papers = list(library.store.every_paper())
        passages = library.passages(paper.id for paper in papers)
        return papers, passages, len(library.words), len(library.vectors)


def killed(path: Path, source: Path, moment: Moment) -> bool:
    """Starts a writer and kills it at `moment`; False when it was done by then."""
    batches, wait_s = moment
    with start_writer(path, source, str(BATCH_SECONDS)) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(1 + batches)] == ["begin\n"] + batches * ["batch\n"]
        time.sleep(wait_s)
        process.kill()
        return "done" not in process.stdout.read()


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory, source: Path) -> list[Moment]:
    """Moments spread over an ingest by its own steps, whatever the speed of the machine, and at random within each."""
    with start_writer(tmp_path_factory.mktemp("counted"), source, "0") as process:
        assert process.stdout
        batches = process.stdout.read().count("batch\n")
    assert batches >= 2
    draw = random.Random(2)  # noqa: S311 (seeded)
    return [(n * batches // KILLS, draw.uniform(0, 2 * BATCH_SECONDS)) for n in range(KILLS)]


@pytest.mark.slow
def test_an_ingest_killed_at_any_moment_is_whole_when_opened_and_the_same_when_finished(
    tmp_path: Path, settings: Settings, source: Path, moments: list[Moment],
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    ingest(source, tmp_path / "clean", settings=settings, encoder=WordEncoder())
    clean = contents(tmp_path / "clean", settings)
    interrupted = owing = 0
    for number, moment in enumerate(moments):
        path = tmp_path / f"library{number}"
        interrupted += killed(path, source, moment)
        if (path / "library.db").exists():
            owing += owed(path) > 0
            assert_nothing_lost(path, settings, clean[0])
        report = ingest(source, path, settings=settings, encoder=WordEncoder())
        assert report.added + report.unchanged == PAPERS
        assert contents(path, settings) == clean
    record_property("cases", KILLS)
    record_property("told", f"of {KILLS} kills {interrupted} came before the end, {owing} left changes to be indexed")
    assert interrupted >= KILLS / 2
    assert owing >= KILLS / 4


def owed(path: Path) -> int:
    """Changes that were committed and not indexed."""
    with closing(sqlite3.connect(path / "library.db")) as database:
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return int(database.execute("SELECT count(*) FROM outbox").fetchone()[0]) if tables else 0


def assert_nothing_lost(path: Path, settings: Settings, clean: list[Paper]) -> None:
    """Opens a library after a crash: what was committed is a beginning of the whole, and found by both indexes."""
    from ingest.errors import LibraryEmpty  # noqa: PLC0415

    try:
        papers, *_ = contents(path, settings)
    except LibraryEmpty:
        return
    assert papers == clean[: len(papers)]


@pytest.mark.slow
def test_one_library_killed_again_and_again_comes_to_the_same_end(
    tmp_path: Path, settings: Settings, source: Path, moments: list[Moment]
) -> None:
    ingest(source, tmp_path / "clean", settings=settings, encoder=WordEncoder())
    path = tmp_path / "library"
    assert all(killed(path, source, (1, wait_s)) for _, wait_s in moments[:4])
    ingest(source, path, settings=settings, encoder=WordEncoder())
    assert contents(path, settings) == contents(tmp_path / "clean", settings)
