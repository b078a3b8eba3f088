"""The library on disk: repaired when it is opened, refused when it cannot be, one writer, many readers."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import Library, Settings, ingest
from ingest.errors import (
    EncoderMismatch,
    LibraryBusy,
    LibraryEmpty,
    LibraryMissing,
    LibraryReadOnly,
    LibraryUnreadable,
)
from ingest.export import jsonl
from ingest.project import catch_up
from tests.disks import read_only_copy, small_disk
from tests.fakes import WordEncoder
from tests.libraries import CountingEncoder, assert_repaired, assert_whole, find, many
from tests.processes import start_writer

# --- opening -------------------------------------------------------------------------------------------------------


def test_a_library_is_whole_after_an_ingest(library: Library) -> None:
    assert len(library) == 6
    assert_whole(library)
    some = library.papers(["pruning-by-second-derivatives", "unknown"])
    assert [paper.title for paper in some] == ["Pruning by Second Derivatives"]
    assert list(library.passages([some[0].id])) == [some[0].id]


def test_opening_a_whole_library_encodes_nothing(path: Path, settings: Settings) -> None:
    encoder = CountingEncoder()
    Library.open(path, settings, encoder).close()
    assert encoder.texts == 0


@pytest.mark.parametrize("name", ["", "missing", "missing/deeper"])
def test_a_missing_library_is_refused_with_the_command_that_fills_it(
    tmp_path: Path, settings: Settings, encoder: WordEncoder, name: str
) -> None:
    with pytest.raises(LibraryMissing, match="whichpapers ingest PATH --library"):
        Library.open(tmp_path / name, settings, encoder)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_a_file_is_no_library(tmp_path: Path, settings: Settings, encoder: WordEncoder) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(LibraryMissing):
        Library.open(file, settings, encoder)
    with pytest.raises(LibraryReadOnly):
        Library.open_to_write(file, settings, encoder)
    assert file.read_text() == "mine"


def test_an_empty_library_is_refused_with_the_command_that_fills_it(settings: Settings, encoder: WordEncoder) -> None:
    Library.open_to_write(settings.library, settings, encoder).close()
    with pytest.raises(LibraryEmpty, match="whichpapers ingest PATH --library"):
        Library.open(settings.library, settings, encoder)


def test_other_weights_under_the_same_name_are_refused(path: Path, settings: Settings) -> None:
    with pytest.raises(EncoderMismatch, match=r"other weights.*rebuild"):
        Library.open(path, settings, WordEncoder(fingerprint="changed"))


def test_a_library_by_another_encoder_is_refused_and_told_what_to_do(path: Path, settings: Settings) -> None:
    other = WordEncoder("other-64")
    for opening in (Library.open, Library.open_to_write):
        with pytest.raises(EncoderMismatch, match=r"words-64.*other-64.*rebuild"):
            opening(path, settings, other)
    Library.open(path, settings, WordEncoder()).close()


@pytest.mark.parametrize("dimension", [64, 32])
def test_a_library_is_made_anew_for_another_encoder_on_demand(path: Path, settings: Settings, dimension: int) -> None:
    other = WordEncoder("other", dimension)
    with Library.open_to_write(path, settings, other, remake=True) as library:
        library.catch_up()
    with Library.open(path, settings, other) as library:
        assert_whole(library)
    with pytest.raises(EncoderMismatch):
        Library.open(path, settings, WordEncoder())


def test_a_remaking_that_was_interrupted_is_finished_by_whichever_encoder_comes_next(
    path: Path, settings: Settings
) -> None:
    with closing(sqlite3.connect(path / "library.db")) as database, database:
        database.execute("DELETE FROM meta WHERE key = 'encoder'")
    other = WordEncoder("other", 32)
    with Library.open(path, settings, other) as library:
        assert_whole(library)
        (rows,) = library.vectors.of({"pruning-by-second-derivatives": 1}).values()
        assert rows.shape == (1, 32)


def test_a_newer_schema_is_refused(path: Path, settings: Settings, encoder: WordEncoder) -> None:
    with closing(sqlite3.connect(path / "library.db")) as database:
        database.execute("PRAGMA user_version = 99")
    for opening in (Library.open, Library.open_to_write):
        with pytest.raises(LibraryUnreadable, match="schema version is 99"):
            opening(path, settings, encoder)


def test_a_database_that_is_garbage_is_refused_and_nothing_is_touched(
    path: Path, settings: Settings, encoder: WordEncoder
) -> None:
    (path / "library.db").write_bytes(b"garbage" * 3000)
    before = sorted(path.rglob("*"))
    for opening in (Library.open, Library.open_to_write):
        with pytest.raises(LibraryUnreadable, match="file is not a database"):
            opening(path, settings, encoder)
    assert set(before) <= set(path.rglob("*"))


# --- repair --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [None, "words", "vectors"])
def test_what_was_committed_and_not_indexed_is_indexed_when_opened(
    settings: Settings, encoder: WordEncoder, first: str | None
) -> None:
    with Library.open_to_write(settings.library, settings, encoder) as writer:
        writer.add(many(70))
        if first:
            catch_up(writer.store, getattr(writer, first))
    with Library.open(settings.library, settings, encoder) as library:
        assert len(library) == 70
        assert_whole(library)


def test_an_update_that_was_committed_and_not_indexed_is_indexed_when_opened(
    path: Path, settings: Settings, encoder: WordEncoder
) -> None:
    with Library.open_to_write(path, settings, encoder) as writer:
        old = next(writer.store.every_paper())
        entry = writer.store.entries(old.id)[0]
        writer.add([replace(entry, abstract="Nothing of the old text. Newts swim.")])
    with Library.open(path, settings, encoder) as library:
        assert library.words.search([(term, 1.0) for term in library.words.terms("newts")], 1)[0][0] == old.id
        assert_whole(library)


def test_an_index_that_acknowledged_what_it_lost_is_made_anew(
    path: Path, settings: Settings, encoder: WordEncoder
) -> None:
    with Library.open_to_write(path, settings, encoder) as writer:
        writer.words.clear()
        writer.vectors.clear()
    with Library.open(path, settings, encoder) as library:
        assert_whole(library)


@pytest.mark.parametrize("target", ["words", "vectors"])
def test_an_index_that_was_deleted_is_made_anew(path: Path, settings: Settings, target: str) -> None:
    shutil.rmtree(path / target)
    assert_repaired(path, settings)


@pytest.mark.parametrize("target", ["words", "vectors"])
def test_an_index_that_is_a_file_is_made_anew(path: Path, settings: Settings, target: str) -> None:
    shutil.rmtree(path / target)
    (path / target).write_text("garbage")
    assert_repaired(path, settings)


# --- writers and readers -------------------------------------------------------------------------------------------


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the library to write."""
    with start_writer(path, path, "hold") as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_writer_is_refused_with_the_holders_name(path: Path, settings: Settings, encoder: WordEncoder) -> None:
    with (
        Library.open_to_write(path, settings, encoder),
        pytest.raises(LibraryBusy, match=f"process {os.getpid()} .*; nothing was changed"),
    ):
        Library.open_to_write(path, settings, encoder)
    Library.open_to_write(path, settings, encoder).close()


def test_a_writer_from_another_process_is_refused_and_readers_go_on(
    path: Path, settings: Settings, encoder: WordEncoder, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(LibraryBusy, match=f"process {holder.pid} "):
        ingest(path.parent / "papers.jsonl", path, settings=settings, encoder=encoder)
    with Library.open(path, settings, encoder) as library:
        assert_whole(library)


def test_the_lock_of_a_killed_writer_is_free(
    path: Path, settings: Settings, encoder: WordEncoder, holder: subprocess.Popen[str]
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    Library.open_to_write(path, settings, encoder).close()


def test_a_library_in_need_of_repair_can_be_read_while_another_process_writes_it(
    path: Path, settings: Settings, encoder: WordEncoder, holder: subprocess.Popen[str]
) -> None:
    assert holder.poll() is None
    with closing(sqlite3.connect(path / "library.db")) as database, database:
        database.execute("INSERT INTO outbox SELECT 'words', id FROM papers")
    with Library.open(path, settings, encoder) as library:
        assert len(library.words) == 6


def test_a_reader_sees_what_another_process_writes_after_refresh(
    path: Path, settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path]
) -> None:
    more = write_jsonl({"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}, name="more.jsonl")
    with Library.open(path, settings, encoder) as library:
        assert find(library)["vectors"]
        with start_writer(path, more) as process:
            assert process.communicate()[0].endswith("done\n")
        library.refresh()
        assert len(library) == 7
        assert_whole(library)


def test_a_reader_in_the_same_process_sees_what_a_writer_writes_after_refresh(
    path: Path, settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path]
) -> None:
    more = write_jsonl({"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}, name="more.jsonl")
    with Library.open(path, settings, encoder) as library:
        ingest(more, path, settings=settings, encoder=encoder)
        library.refresh()
        assert len(library) == 7
        assert_whole(library)


@pytest.mark.slow
def test_many_threads_may_read_and_refresh_while_another_process_writes(
    path: Path, settings: Settings, encoder: WordEncoder
) -> None:
    source = path.parent / "many.jsonl"
    source.write_text(jsonl(many(150)), "utf-8")
    problems: list[BaseException] = []
    done = threading.Event()

    def read(library: Library) -> None:
        vector = encoder.encode(["Hessian of the layer loss"])[0]
        try:
            while not done.is_set():
                library.refresh()
                ids = [paper_id for paper_id, _ in library.vectors.search(vector, 5)]
                assert len(library.papers(ids)) == len(set(ids)) == len(ids) > 0
                assert library.words.search([("hessian", 1.0)], 5)
                library.vectors.of({ids[0]: 1})
        except BaseException as problem:  # noqa: BLE001 (a thread's failure is the test's)
            problems.append(problem)

    with Library.open(path, settings, encoder) as library:
        threads = [threading.Thread(target=read, args=[library]) for _ in range(4)]
        for thread in threads:
            thread.start()
        with start_writer(path, source, "0.02") as process:
            assert process.communicate()[0].endswith("done\n")
        done.set()
        for thread in threads:
            thread.join()
        assert problems == []
        library.refresh()
        assert len(library) == 156


# --- disks that refuse ---------------------------------------------------------------------------------------------


def test_a_library_that_cannot_be_written_can_be_read(
    tmp_path: Path, large: Path, settings: Settings, encoder: WordEncoder
) -> None:
    with read_only_copy(large, tmp_path / "disk") as path:
        with Library.open(path, settings, encoder) as library:
            assert len(library) == 1100
            library.refresh()
            assert_whole(library)
        with pytest.raises(LibraryReadOnly, match=r"Read-only file system|Permission denied"):
            Library.open_to_write(path, settings, encoder)


def test_a_disk_that_is_full_for_the_database_keeps_what_was_committed(
    tmp_path: Path, settings: Settings, encoder: WordEncoder
) -> None:
    papers = list(many(1200))
    with small_disk(tmp_path / "disk", "2m") as disk:
        path = disk.path / "library"
        with Library.open_to_write(path, settings, encoder) as writer:
            writer.add(papers[:20])
            writer.catch_up()
        with (
            Library.open_to_write(path, settings, encoder) as writer,
            pytest.raises(LibraryReadOnly, match=r"library.db: .*; what was stored before is kept"),
        ):
            writer.add(papers)
        disk.grow()
        with Library.open(path, settings, encoder) as library:
            assert len(library) >= 20
            assert_whole(library)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["words", "vectors"])
def test_a_disk_that_is_full_for_an_index_keeps_what_was_committed(
    tmp_path: Path, settings: Settings, encoder: WordEncoder, target: str
) -> None:
    with small_disk(tmp_path / "disk", "32m") as disk:
        path = disk.path / "library"
        with Library.open_to_write(path, settings, encoder) as writer:
            writer.add(many(300))
            if target == "vectors":
                catch_up(writer.store, writer.words)
            disk.fill()
            with pytest.raises(LibraryReadOnly, match="what was stored before is kept"):
                writer.catch_up()
        disk.grow()
        with Library.open(path, settings, encoder) as library:
            assert len(library) == 300
            assert_whole(library)
