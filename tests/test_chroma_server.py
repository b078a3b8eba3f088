"""Vectors on a Chroma server: a real `chroma run`, with readers, a writer, a gate before it, and every way to fail."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromadb.api.fastapi import FastAPI
from filelock import FileLock

from assistant import Assistant
from ingest import Library, Settings, ingest
from ingest.errors import BadSetting, IndexAbsent, VectorsElsewhere, VectorsUnavailable
from ingest.export import jsonl
from ingest.settings import read_settings
from ingest.store import Store
from ingest.vectors import VectorIndex
from tests.chroma_process import ChromaProcess, Gate, certificate
from tests.fakes import WordEncoder
from tests.libraries import CountingEncoder, assert_whole, find, many
from tests.processes import ROOT, environment, start_writer, with_fake_encoder

QUESTION = "which papers use the Hessian for quantization?"
TOKEN = "ck-canary-51c09e"  # noqa: S105 (a test's)


def on(server: ChromaProcess | Gate | str, settings: Settings, **more: Any) -> Settings:
    """These settings, vectors on this server."""
    return settings.model_copy(update={"chroma": server if isinstance(server, str) else server.url, **more})


def filled(settings: Settings, count: int = 30) -> Settings:
    """A library of `count` papers where `settings` say."""
    with Library.open_to_write(settings.library, settings, WordEncoder()) as library:
        library.add(many(count))
        library.catch_up()
    return settings


def collection(settings: Settings) -> str:
    """The name of a library's collection."""
    store = Store(settings.library / "library.db", write=False)
    name = json.loads(store.recall("collection") or "")[0]
    store.close()
    return str(name)


def assert_found(settings: Settings, encoder: WordEncoder | None = None) -> None:
    with Library.open(settings.library, settings, encoder or WordEncoder()) as library:
        assert_whole(library)


def unused() -> str:
    """An address at which nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


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
            found.append(library.vectors.search(question, 7, {f"p{n:04}": 5 for n in range(30)}))
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
        assert len(reader.vectors) == reader.store.count_indexed()["vectors"]  # without a refresh, too
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
            if sum(server.collections().values()) > 5 * VectorIndex.batch_papers:
                server.kill()
            return super().encode(texts)

    try:
        kept = on(server, settings)
        with Library.open_to_write(kept.library, kept, Fatal()) as library:
            library.add(many(2 * VectorIndex.batch_papers))
            with pytest.raises(VectorsUnavailable, match=r"papers are safe in library\.db"):
                library.catch_up()
        server.start()
        encoder = CountingEncoder()
        Library.open(kept.library, kept, encoder).close()
        assert 0 < encoder.texts <= 5 * VectorIndex.batch_papers  # the batch that it had not acknowledged
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
    Library.open(kept.library, kept, encoder).close()
    assert encoder.texts == 20  # what `find` asked


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


# --- the gate ------------------------------------------------------------------------------------------------------


def test_the_token_opens_the_gate_and_is_kept_nowhere(
    chroma: ChromaProcess, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHICHPAPERS_CHROMA_HEADERS", f"X-Chroma-Token: {TOKEN}\nX-Team: owls")
    with Gate(chroma.url, TOKEN) as gate:
        monkeypatch.setenv("WHICHPAPERS_CHROMA", gate.url)
        kept = read_settings({"library": settings.library, "encoder": "words-64", "offline": True})
        filled(kept)
        assert_found(kept)
        assert gate.calls > 10
    with pytest.raises(VectorsUnavailable) as caught:
        Library.open(kept.library, kept, WordEncoder())
    told = [repr(kept), str(kept), str(caught.value), kept.model_dump_json(), *capsys.readouterr()]
    assert not any(TOKEN in text for text in told)
    assert not any(TOKEN.encode() in file.read_bytes() for file in kept.library.rglob("*") if file.is_file())


TO_LOG_IN = r"refuses us \(40[13] \w+\); set WHICHPAPERS_CHROMA_HEADERS"


@pytest.mark.parametrize(
    ("refusal", "why"),
    [((401, "<h1>No entry for {}</h1>"), TO_LOG_IN),
     ((403, '{"error": "AuthError", "message": "no entry for {}"}'), TO_LOG_IN),
     ((400, '{"error": "InvalidArgumentError", "message": "no entry\\nfor {}"}'), r"fails: no entry for \.\.\.;"),
     ((302, "[]"), r"answers as no Chroma server does \(302 Found\); correct WHICHPAPERS_CHROMA;"),
     ((200, "Welcome {}"), r"answers as no Chroma server does \(200 OK\)")],
)  # fmt: skip
def test_a_server_that_refuses_us_is_told_in_one_line_without_the_token(
    chroma: ChromaProcess, settings: Settings, refusal: tuple[int, str], why: str
) -> None:
    kept = read_settings(
        {"library": settings.library, "chroma_headers": "Authorization: x\nX-Chroma-Token: ck-no-8a71"}
    )
    with Gate(chroma.url, TOKEN, refusal=refusal) as gate, pytest.raises(VectorsUnavailable, match=why) as caught:
        Library.open_to_write(kept.library, on(gate, kept), WordEncoder())
    assert "8a71" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_server_is_reached_by_tls_where_its_certificate_is_trusted(
    chroma: ChromaProcess, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with Gate(chroma.url, tls=tls) as gate:
        assert gate.url.startswith("https://")
        with pytest.raises(VectorsUnavailable, match="certificate verify failed"):
            filled(on(gate, settings), 3)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert_found(filled(on(gate, settings), 3))


# --- servers that fail ---------------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_is_slow_is_told_in_one_line(settings: Settings, silent: str) -> None:
    with pytest.raises(VectorsUnavailable, match=r"gave no answer in 0\.2 s \(WHICHPAPERS_CHROMA_TIMEOUT_S\)"):
        Library.open_to_write(settings.library, on(silent, settings, chroma_timeout_s=0.2), WordEncoder())


def test_what_is_no_chroma_server_is_told_in_one_line(settings: Settings, chroma: ChromaProcess) -> None:
    with pytest.raises(VectorsUnavailable, match=r"answers as no Chroma server does \(404 Not Found\)"):
        Library.open_to_write(settings.library, on(f"{chroma.url}/elsewhere", settings), WordEncoder())
    with pytest.raises(VectorsUnavailable, match="fails: "):
        Library.open_to_write(settings.library, on(chroma, settings, chroma_tenant="nobody"), WordEncoder())


def test_the_command_line_ends_with_1_and_one_line_where_the_server_is_down(path: Path, chroma: ChromaProcess) -> None:
    told = {"WHICHPAPERS_ENCODER": "words-64", "WHICHPAPERS_CHROMA": unused()}
    ended = with_fake_encoder("ask", QUESTION, "--library", path, **told)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"whichpapers: the Chroma server at {told['WHICHPAPERS_CHROMA']} cannot be reached")
    assert ended.err.count("\n") == 1
    told["WHICHPAPERS_CHROMA"] = chroma.url
    ended = with_fake_encoder("doctor", "--library", path, **told)
    assert ended.code == 0, ended.err
    assert f"the Chroma server at {chroma.url}" in ended.out


FUNCTION = {"type": "known", "name": "sentence_transformer", "config": {"model_name": "evil/model"}}


@pytest.mark.parametrize(
    ("told", "why"),
    [({"embedding_function": FUNCTION}, "an embedding function, which we do not load"),
     ({"hnsw": {"space": "l2"}}, "does not compare vectors of collection .* by cosine")],
)  # fmt: skip
def test_a_collection_that_is_not_as_we_make_them_is_not_used(
    chroma: ChromaProcess, settings: Settings, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], why: str
) -> None:
    kept = filled(on(chroma, settings), 3)
    get = FastAPI.get_collection

    def changed(*given: Any, **named: Any) -> Any:
        model = get(*given, **named)
        model.configuration_json.update(told)
        return model

    monkeypatch.setattr(FastAPI, "get_collection", changed)
    with pytest.raises(VectorsUnavailable, match=why):
        Library.open(kept.library, kept, WordEncoder())


# --- settings ------------------------------------------------------------------------------------------------------


def test_offline_no_server_elsewhere_is_called(settings: Settings, path: Path) -> None:
    kept = on("http://chroma.invalid:8000", settings)
    for opening in (Library.open, Library.open_to_write):
        with pytest.raises(BadSetting, match=r"WHICHPAPERS_CHROMA.*WHICHPAPERS_OFFLINE forbids") as caught:
            opening(path, kept, WordEncoder())
        assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "given",
    ["localhost:8000", "ftp://host", "http://", "http://host:port", "http://user:secret@host", "http://host?key=1",
     "http://ho st:8000", "http://host:0"],
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_an_error(given: str) -> None:
    with pytest.raises(BadSetting, match=r"^setting chroma \(WHICHPAPERS_CHROMA\) is "):
        read_settings({"chroma": given})


@pytest.mark.parametrize("given", [" https://host:8000/ ", "https://host:8000/api/v2", "https://host:8000"])
def test_an_address_is_told_without_what_the_client_adds(given: str) -> None:
    assert read_settings({"chroma": given}).chroma == "https://host:8000"


@pytest.mark.parametrize("given", [TOKEN, f"Token {TOKEN}", f"X: {TOKEN}\n{TOKEN}", f"X: {TOKEN}\x00", f"X: é{TOKEN}"])
def test_headers_that_cannot_be_sent_are_an_error_that_does_not_show_them(given: str) -> None:
    with pytest.raises(
        BadSetting, match=r"WHICHPAPERS_CHROMA_HEADERS\) is 'not shown': .*X-Chroma-Token: TOKEN"
    ) as caught:
        read_settings({"chroma_headers": given})
    assert TOKEN not in str(caught.value)
