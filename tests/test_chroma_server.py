"""Vectors on a Chroma server: a real `chroma run`, with readers, a writer, a gate before it, and every way to fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from assistant import Assistant
from ingest import Library, Settings, ingest
from ingest.errors import IndexAbsent, VectorsElsewhere, VectorsUnavailable
from ingest.export import jsonl
from ingest.vectors import Here
from tests.chroma_libraries import assert_found, collection, filled, on, unused
from tests.chroma_process import ChromaProcess
from tests.fakes import WordEncoder
from tests.libraries import CountingEncoder, assert_whole, find, many
from tests.processes import ROOT, environment, start_writer

QUESTION = "which papers use the Hessian for quantization?"


# --- the same answers ----------------------------------------------------------------------------------------------


def test_search_and_ask_say_the_same_as_with_vectors_in_the_folder(
    chroma: ChromaProcess, settings: Settings, tmp_path: Path, six_papers: Path
) -> None:
    told = []
    for kept in (settings, on(chroma, settings, library=tmp_path / "served")):
        filled(kept, 150)
        ingest(six_papers / "papers.jsonl", settings=kept, encoder=WordEncoder())
        with Assistant.open(settings=kept, encoder=WordEncoder()) as assistant:
            answer = assistant.ask(QUESTION).to_dict()
            del answer["trace"]["seconds"]
            hits = [(hit.paper.id, pytest.approx(hit.similarity, abs=1e-6)) for hit in assistant.search(QUESTION)]
            some = [hit.paper.id for hit in assistant.search(QUESTION, where="year >= 2021")]
            told.append((answer, hits, some))
    assert told[0] == told[1]
    assert len(told[0][1]) == 50
    assert not (tmp_path / "served" / "vectors").exists()


def test_a_server_that_takes_few_vectors_a_call_is_given_few(chroma: ChromaProcess, settings: Settings) -> None:
    filled(on(chroma, settings, chroma_rows=7))
    assert_found(on(chroma, settings, chroma_rows=7))
    question = WordEncoder().encode([QUESTION])[0]
    found = []
    for rows in (7, 5000):
        kept = on(chroma, settings, chroma_rows=rows)
        with Library.open(kept.library, kept, WordEncoder()) as library:
            found.append(library.vectors.search(question, 7, [f"p{n:04}" for n in range(30)]))
    assert found[0] == found[1]


# --- many readers, one writer --------------------------------------------------------------------------------------


def test_many_processes_read_while_one_writes(
    chroma: ChromaProcess, settings: Settings, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setenv("WHICHPAPERS_CHROMA", chroma.url)
    more = path.parent / "many.jsonl"
    more.write_text(jsonl(many(60)), "utf-8")
    kept = on(chroma, settings)
    Library.open(path, kept, WordEncoder()).close()  # brings the vectors to the server
    command = [sys.executable, "-m", "tests.trust.reader", str(path)]
    readers = [
        subprocess.Popen(command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"
    with start_writer(path, more, "0.02") as writer:
        assert writer.communicate()[0].endswith("done\n")
    for reader in readers:
        told = [json.loads(line) for line in reader.communicate("end\n")[0].splitlines()]
        assert told[-1]["wrong"] == []
        assert told[-1]["asked"] > 0
    assert_found(kept)


def test_a_reader_sees_what_a_writer_wrote_and_what_it_made_anew(chroma: ChromaProcess, settings: Settings) -> None:
    kept = filled(on(chroma, settings), 10)
    with Library.open(kept.library, kept, WordEncoder()) as reader:
        filled(kept, 20)
        reader.refresh()
        assert_whole(reader)
        with Library.open_to_write(kept.library, kept, WordEncoder(), remake=True) as writer:
            writer.catch_up()
        assert len(reader.vectors) == len(reader)  # without a refresh, too
        reader.refresh()
        assert_whole(reader)


def test_two_libraries_on_one_server_do_not_meet(chroma: ChromaProcess, settings: Settings, tmp_path: Path) -> None:
    one, other = on(chroma, settings), on(chroma, settings, library=tmp_path / "other")
    filled(one, 8)
    filled(other, 5)
    held = chroma.collections()
    assert held[collection(one)] > held[collection(other)] > 0
    assert_found(one)
    assert_found(other)


def test_a_library_is_kept_in_the_database_of_its_tenant(chroma: ChromaProcess, settings: Settings) -> None:
    chroma.add_database("owls", "papers")
    kept = filled(on(chroma, settings, chroma_tenant="owls", chroma_database="papers"), 3)
    assert_found(kept)
    with Library.open_to_write(kept.library, kept, WordEncoder(), remake=True) as library:
        library.catch_up()
    assert list(chroma.collections("owls", "papers")) == [collection(kept)]
    assert collection(kept) not in chroma.collections()


# --- what was lost is made anew ------------------------------------------------------------------------------------


def test_vectors_are_made_anew_where_the_server_was_emptied(tmp_path: Path, settings: Settings) -> None:
    server = ChromaProcess(tmp_path / "data")
    try:
        kept = filled(on(server, settings))
        server.emptied()
        assert server.collections() == {}
        assert_found(kept)
        assert list(server.collections()) == [collection(kept)]
        with Library.open(kept.library, kept, WordEncoder()) as library:
            server.kill()
            with pytest.raises(VectorsUnavailable, match=r"cannot be reached .*; papers are safe in library\.db"):
                library.vectors.search(WordEncoder().encode(["owls"])[0], 1)
            server.start()
            assert_whole(library)  # the same connection, to a server that was started anew
    finally:
        server.kill()


def test_an_ingest_that_loses_its_server_is_completed_later(tmp_path: Path, settings: Settings) -> None:
    server = ChromaProcess(tmp_path / "data")

    class Fatal(WordEncoder):
        """Kills the server once it has some vectors."""

        def encode(self, texts: Any) -> Any:
            if sum(server.collections().values()) >= Here.batch_papers:
                server.kill()
            return super().encode(texts)

    try:
        kept = on(server, settings)
        with Library.open_to_write(kept.library, kept, Fatal()) as library:
            library.add(many(2 * Here.batch_papers))
            with pytest.raises(VectorsUnavailable, match=r"papers are safe in library\.db"):
                library.catch_up()
        server.start()
        encoder = CountingEncoder()
        Library.open(kept.library, kept, encoder).close()
        assert 0 < encoder.texts <= 5 * Here.batch_papers  # the batch that it had not acknowledged
        assert_found(kept)
    finally:
        server.kill()


def test_a_collection_put_back_to_an_older_state_is_noticed(chroma: ChromaProcess, settings: Settings) -> None:
    kept = filled(on(chroma, settings), 4)
    before = collection(kept)
    chroma.put(chroma.id_of(before), {"new_metadata": {"written_by": "an earlier session"}})
    assert_found(kept)
    assert collection(kept) != before


def test_a_copy_that_is_written_gets_a_collection_of_its_own(
    chroma: ChromaProcess, settings: Settings, tmp_path: Path
) -> None:
    kept = filled(on(chroma, settings), 4)
    shutil.copytree(kept.library, tmp_path / "copy")
    copy = on(chroma, settings, library=tmp_path / "copy")
    assert_found(copy)
    assert collection(copy) == collection(kept)  # to read, both may
    filled(copy, 6)
    assert_found(kept)
    filled(kept, 5)
    assert collection(copy) != collection(kept)
    for each in (copy, kept):
        encoder = CountingEncoder()
        Library.open(each.library, each, encoder).close()
        assert encoder.texts == 0


def test_a_copy_that_cannot_be_written_is_read_when_the_library_has_gone_on(
    chroma: ChromaProcess, settings: Settings, tmp_path: Path
) -> None:
    kept = filled(on(chroma, settings), 20)
    shutil.copytree(kept.library, tmp_path / "copy")
    filled(kept, 25)
    copy, encoder = on(chroma, settings, library=tmp_path / "copy"), CountingEncoder()
    with (
        FileLock(tmp_path / "copy" / "writer.lock"),
        Library.open(copy.library, copy, encoder) as library,
    ):
        assert encoder.texts == 0
        assert len(library) == 20
        assert find(library)["vectors"] == list(library.store.texts())
    assert collection(copy) == collection(kept)
    encoder.texts = 0
    Library.open(kept.library, kept, encoder).close()
    assert encoder.texts == 0


def test_vectors_of_another_dimension_take_their_place(chroma: ChromaProcess, settings: Settings) -> None:
    kept = filled(on(chroma, settings), 4)
    before, other = collection(kept), WordEncoder("other", 32)
    with Library.open_to_write(kept.library, kept, other, remake=True) as library:
        library.catch_up()
    assert_found(kept, other)
    assert before not in chroma.collections()


# --- from the folder to a server and back --------------------------------------------------------------------------


def test_a_library_moves_to_a_server_by_the_setting_and_back_by_rebuild(
    chroma: ChromaProcess, settings: Settings, path: Path
) -> None:
    kept = on(chroma, settings)
    assert_found(kept)
    assert not (path / "vectors").exists()
    for opening in (Library.open, Library.open_to_write):
        with pytest.raises(VectorsElsewhere, match=r"set WHICHPAPERS_CHROMA as when .*whichpapers rebuild"):
            opening(path, settings, WordEncoder())
    with Library.open_to_write(path, settings, WordEncoder(), remake=True) as library:
        library.catch_up()
    assert_found(settings)
    assert (path / "vectors").is_dir()


def test_a_server_that_is_not_there_takes_nothing_from_the_folder(settings: Settings, path: Path) -> None:
    with pytest.raises(VectorsUnavailable):
        Library.open(path, on(unused(), settings), WordEncoder())
    encoder = CountingEncoder()
    Library.open(path, settings, encoder).close()
    assert encoder.texts == 0


def test_a_reader_without_its_collection_is_told_so_where_it_cannot_make_it(
    chroma: ChromaProcess, settings: Settings, path: Path
) -> None:
    with (
        Library.open_to_write(path, settings, WordEncoder()),
        pytest.raises(IndexAbsent, match=r"does not hold this library's vectors .*whichpapers rebuild"),
    ):
        Library.open(path, on(chroma, settings), WordEncoder())
