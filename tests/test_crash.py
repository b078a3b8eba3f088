"""`kill -9` at random moments of an ingest: nothing is lost, nothing is there twice, nothing needs a hand."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest import Library, Settings, ingest
from ingest.export import jsonl
from ingest.records import Paper, Passage
from tests.fakes import WordEncoder
from tests.processes import start_writer
from tests.test_library import assert_whole, many

KILLS = 20
PAPERS = 300
BATCH_SECONDS = 0.2
"""Most of an ingest's time, so that kills fall while the indexes owe something, on a fast machine and a slow one."""

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


def killed(path: Path, source: Path, after_s: float) -> bool:
    """Starts a writer and kills it so long after it began; False when it was done by then."""
    with start_writer(path, source, str(BATCH_SECONDS)) as process:
        assert process.stdout
        assert process.stdout.readline() == "begin\n"
        time.sleep(after_s)
        process.kill()
        return "done" not in process.stdout.read()


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Iterator[list[float]]:
    """Moments spread at random over the time that an undisturbed ingest takes."""
    started = time.monotonic()
    with start_writer(tmp_path_factory.mktemp("timed"), source, str(BATCH_SECONDS)) as process:
        assert process.stdout
        process.stdout.readline()
        started = time.monotonic()
        process.stdout.readline()
    whole_s = time.monotonic() - started
    draw = random.Random(2)  # noqa: S311 (seeded)
    yield [draw.uniform(n / KILLS, (n + 1) / KILLS) * whole_s for n in range(KILLS)]


@pytest.mark.slow
def test_an_ingest_killed_at_any_moment_is_whole_when_opened_and_the_same_when_finished(
    tmp_path: Path, settings: Settings, source: Path, moments: list[float]
) -> None:
    ingest(source, tmp_path / "clean", settings=settings, encoder=WordEncoder())
    clean = contents(tmp_path / "clean", settings)
    interrupted = owing = 0
    for number, after_s in enumerate(moments):
        path = tmp_path / f"library{number}"
        interrupted += killed(path, source, after_s)
        if (path / "library.db").exists():
            owing += owed(path) > 0
            assert_nothing_lost(path, settings, clean[0])
        report = ingest(source, path, settings=settings, encoder=WordEncoder())
        assert report.added + report.unchanged == PAPERS
        assert contents(path, settings) == clean
    assert interrupted, "every ingest was done before it was killed: the moments come too late"
    assert owing, "no kill came between the database and the indexes"


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
    tmp_path: Path, settings: Settings, source: Path, moments: list[float]
) -> None:
    ingest(source, tmp_path / "clean", settings=settings, encoder=WordEncoder())
    path = tmp_path / "library"
    for after_s in moments[5:20:3]:
        killed(path, source, after_s)
    ingest(source, path, settings=settings, encoder=WordEncoder())
    assert contents(path, settings) == contents(tmp_path / "clean", settings)
