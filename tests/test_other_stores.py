"""Vectors in a store of LlamaIndex's: Qdrant in a folder of its own, without a server."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

from assistant import Assistant
from ingest import Library, Settings, ingest
from ingest.errors import BadSetting, IndexAbsent, VectorsElsewhere, VectorsUnavailable
from ingest.llama_index_store import LlamaIndexStore
from tests.documented import blocks, run
from tests.fakes import WordEncoder
from tests.libraries import CountingEncoder, assert_whole, many
from tests.processes import with_fake_encoder

QUESTION = "which papers use the Hessian for quantization?"
WRONG = """
number = 7


def nothing(name):
    return None
"""

Make = Callable[[str], LlamaIndexStore]


def qdrant(path: Path) -> Make:
    """What opens Qdrant's files at `path`."""

    def opened(name: str) -> LlamaIndexStore:
        client = QdrantClient(path=str(path))

        def count() -> int:
            return client.count(name).count if client.collection_exists(name) else 0

        return LlamaIndexStore(lambda: QdrantVectorStore(name, client, index_doc_id=False), count, client.close)

    return opened


def rounded(told: dict[str, Any]) -> Any:
    """What was told, its numbers to six places: Chroma computes in fewer digits."""
    return json.loads(json.dumps(told), parse_float=lambda number: round(float(number), 6))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return qdrant(tmp_path / "qdrant")


@pytest.fixture
def other(path: Path, settings: Settings, make: Make) -> Path:
    """A library of six papers whose vectors are in Qdrant."""
    Library.open(path, settings, WordEncoder(), vectors=make).close()
    return path


def test_search_and_ask_say_the_same_as_with_vectors_in_the_folder(
    six_papers: Path, settings: Settings, tmp_path: Path, make: Make
) -> None:
    told = []
    for vectors, folder in ((None, tmp_path / "one"), (make, tmp_path / "other")):
        with Library.open_to_write(folder, settings, WordEncoder(), vectors=vectors) as library:
            library.add(many(60))
        ingest(six_papers / "papers.jsonl", folder, settings=settings, encoder=WordEncoder(), vectors=vectors)
        with Assistant.open(folder, settings, encoder=WordEncoder(), vectors=vectors) as assistant:
            answer = rounded(assistant.ask(QUESTION).to_dict())
            del answer["trace"]["seconds"]
            hits = [(hit.paper.id, pytest.approx(hit.similarity, abs=1e-6)) for hit in assistant.search(QUESTION)]
            some = [hit.paper.id for hit in assistant.search(QUESTION, where="year >= 2021")]
            told.append((answer, hits, some))
    assert told[0] == told[1]
    assert not (tmp_path / "other" / "vectors").exists()


def test_what_the_store_lost_is_made_anew(other: Path, settings: Settings, make: Make) -> None:
    with Library.open(other, settings, WordEncoder(), vectors=make) as library:
        assert_whole(library)
        library.vectors.clear()
    with Library.open(other, settings, WordEncoder(), vectors=make) as library:
        assert_whole(library)
    encoder = CountingEncoder()
    Library.open(other, settings, encoder, vectors=make).close()
    assert encoder.texts == 0


def test_a_rebuild_takes_vectors_of_another_dimension(other: Path, settings: Settings, make: Make) -> None:
    encoder = WordEncoder("other", 32)
    with Library.open_to_write(other, settings, encoder, remake=True, vectors=make) as library:
        library.catch_up()
    with Library.open(other, settings, encoder, vectors=make) as library:
        assert_whole(library)


def test_without_its_store_a_library_is_not_read(other: Path, settings: Settings) -> None:
    with pytest.raises(VectorsElsewhere, match="set WHICHPAPERS_VECTORS as when"):
        Library.open(other, settings, WordEncoder())


def test_a_reader_whose_library_was_never_given_vectors_there_is_told_so(
    path: Path, settings: Settings, make: Make
) -> None:
    with Library.open_to_write(path, settings, WordEncoder()), pytest.raises(IndexAbsent, match="never given"):
        Library.open(path, settings, WordEncoder(), vectors=make)


def test_a_store_that_fails_is_told_in_one_line(
    other: Path, settings: Settings, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(QdrantVectorStore, "get_nodes", fail)
    with (
        Library.open(other, settings, WordEncoder(), vectors=make) as library,
        pytest.raises(VectorsUnavailable, match="QdrantVectorStore fails: RuntimeError: first second; papers are safe"),
    ):
        library.vectors.of({"pruning-by-second-derivatives": 1})


def test_the_page_says_how_to_name_a_store_for_the_command_line(path: Path, tmp_path: Path) -> None:
    stores, first = blocks("beyond", "python")[0], f'"{tmp_path / "qdrant"}"'
    (tmp_path / "stores.py").write_text(stores.replace('"qdrant"', first), "utf-8")
    told = {"WHICHPAPERS_ENCODER": "words-64", "PYTHONPATH": str(tmp_path), "WHICHPAPERS_VECTORS": "stores:qdrant"}
    ended = with_fake_encoder("ask", QUESTION, "--library", path, **told)
    assert ended.code == 0, ended.err
    assert "Hessian" in ended.out
    assert (tmp_path / "qdrant").is_dir()
    assert not (path / "vectors").exists()


def test_the_page_says_how_to_give_a_store_from_python(
    six_papers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pages").mkdir()
    shutil.copy(six_papers / "papers.jsonl", tmp_path / "pages")
    monkeypatch.chdir(tmp_path)
    run("beyond")
    assert "Hessian" in capsys.readouterr().out
    assert {place.name for place in tmp_path.iterdir()} == {"pages", "my-library", "qdrant"}
    assert not (tmp_path / "my-library" / "vectors").exists()


@pytest.mark.parametrize(
    ("given", "why"),
    [("stores", "expected module:function"), ("absent:papers", "No module named 'absent'"), ("stores:absent", "absent"),
     ("stores:number", "expected a function"), ("stores:nothing", "expected a VectorStore")],
)  # fmt: skip
def test_what_names_no_store_is_an_error(
    given: str, why: str, settings: Settings, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path / "stores.py").write_text(WRONG, "utf-8")
    monkeypatch.syspath_prepend(str(path))
    monkeypatch.delitem(sys.modules, "stores", raising=False)
    with pytest.raises(BadSetting, match=f"WHICHPAPERS_VECTORS.*{why}"):
        Library.open(path, settings.model_copy(update={"vectors": given}), WordEncoder())


def test_a_server_and_another_store_at_once_are_an_error(settings: Settings, path: Path) -> None:
    both = settings.model_copy(update={"vectors": "stores:papers", "chroma": "http://localhost:8000"})
    with pytest.raises(BadSetting, match="expected nothing where WHICHPAPERS_CHROMA is set"):
        Library.open(path, both, WordEncoder())
