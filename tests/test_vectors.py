"""Passage -> Vector: the contract of an index, and approximate against exact search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from ingest import Settings
from ingest.chroma_folder import ChromaFolder
from ingest.chroma_server import ChromaServer
from ingest.encode import Vectors
from ingest.errors import IndexDamaged
from ingest.project import Change, Durable
from ingest.records import Paper, Passage
from ingest.store import Store
from ingest.vectors import Here, VectorIndex
from tests.fakes import WordEncoder
from tests.libraries import CountingEncoder
from tests.test_other_stores import qdrant


class Index(VectorIndex):
    """One of a library: a work is in library.db before the index is told of it."""

    def apply(self, changes: Sequence[Change], durable: Durable | None = None) -> None:
        with self._kept.transaction():
            for told in changes:
                if told.paper:
                    self._kept.put_paper(told.paper, told.passages)
                else:
                    self._kept.delete_paper(told.paper_id)
        super().apply(changes, durable)


def change(paper_id: str, *sentences: str) -> Change:
    """A paper with a passage for each sentence."""
    abstract, passages = "", []
    for ordinal, sentence in enumerate(sentences):
        passages.append(Passage(paper_id, ordinal, len(abstract), len(abstract) + len(sentence)))
        abstract += sentence + " "
    return Change(paper_id, Paper(paper_id, "T", abstract), tuple(passages))


def near(index: VectorIndex, text: str, k: int = 5) -> list[str]:
    return [paper_id for paper_id, _ in index.search(WordEncoder().encode([f"T. {text}"])[0], k)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "library.db", write=True)) as made:
        yield made


@pytest.fixture(params=["folder", "server", "qdrant"])
def opens(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Callable[[], VectorIndex]:
    """Opens an index in each of the places where vectors can be kept, which is there again when opened again."""

    def opened() -> VectorIndex:
        if request.param == "folder":
            return Index(ChromaFolder(tmp_path / "vectors", create=True), Here(WordEncoder()), store)
        if request.param == "qdrant":
            return Index(qdrant(tmp_path / "qdrant")("passages"), Here(WordEncoder()), store)
        settings = Settings(chroma=request.getfixturevalue("chroma").url)
        return Index(ChromaServer(settings, store, write=True), Here(WordEncoder()), store)

    return opened


@pytest.fixture
def index(opens: Callable[[], VectorIndex]) -> Iterator[VectorIndex]:
    with closing(opens()) as made:
        made.apply([change("a", "owls count mice", "bridges of paper"), change("b", "zebra stripes")])
        yield made


def test_a_work_is_nearest_to_its_own_text(index: VectorIndex) -> None:
    (paper_id, similarity), *_ = index.search(WordEncoder().encode(["T. zebra stripes"])[0], 3)
    assert paper_id == "b"
    assert similarity == pytest.approx(1.0, abs=5e-4)
    assert similarity <= 1.0


def test_no_more_are_found_than_there_are_and_none_where_none_are_asked_for(index: VectorIndex) -> None:
    assert len(near(index, "owls", 100)) == 2
    assert near(index, "owls", 0) == []


def test_an_empty_index_finds_nothing(opens: Callable[[], VectorIndex]) -> None:
    with closing(opens()) as empty:
        assert len(empty) == 0
        assert near(empty, "owls") == []


def test_applying_twice_changes_nothing(index: VectorIndex) -> None:
    before = near(index, "owls count")
    for _ in range(2):
        index.apply([change("a", "owls count mice", "bridges of paper")])
    assert len(index) == 2
    assert near(index, "owls count") == before


def test_a_change_replaces_what_was_there_and_removes_what_is_no_more(index: VectorIndex) -> None:
    index.apply([change("a", "newts swim")])
    assert len(index) == 2
    assert near(index, "newts swim")[0] == "a"
    assert {paper_id: len(rows) for paper_id, rows in index.of({"a": 1, "b": 1}).items()} == {"a": 1, "b": 1}


def test_a_work_that_is_removed_is_found_no_more(index: VectorIndex) -> None:
    index.apply([Change("a", None, ()), Change("never", None, ())])
    assert near(index, "owls", 9) == ["b"]


def test_equal_similarities_are_in_order_of_id(opens: Callable[[], VectorIndex]) -> None:
    with closing(opens()) as index:
        index.apply([change(paper_id, "same", "same") for paper_id in ("c", "a", "b#0", "b")])
        assert near(index, "same", 8) == ["a", "b", "b#0", "c"]


def test_what_was_found_is_searched_within_by_the_nearest_passage_of_each(index: VectorIndex, store: Store) -> None:
    index.apply([change("c", "owls count mice. newts swim.", "owls count mice.", "newts swim.")])
    question = WordEncoder().encode(["T. newts swim."])[0]
    found = index.search(question, 3)
    assert dict(found)["c"] < 0.95
    (paper_id, similarity), *others = index.search_within(question, found)
    assert paper_id == "c"
    assert similarity == pytest.approx(1.0, abs=5e-4)
    assert sorted(paper_id for paper_id, _ in others) == ["a", "b"]
    assert index.search_within(question, []) == []
    store.forget_vectors()  # as a library has none that was made before they were kept
    index.refresh()
    assert index.search_within(question, found[::-1]) == found


def test_stored_vectors_are_handed_out_by_paper(index: VectorIndex) -> None:
    found = index.of({"a": 2, "b": 1, "unknown": 1})
    assert {paper_id: rows.shape for paper_id, rows in found.items()} == {"a": (2, 64), "b": (1, 64)}
    np.testing.assert_allclose(found["a"][1:], WordEncoder().encode(["T. bridges of paper"]), atol=5e-4)


def test_a_whole_abstract_lies_in_the_middle_of_its_sentences(index: VectorIndex) -> None:
    index.apply([change("c", "owls count mice. newts swim.", "owls count mice.", "newts swim.")])
    whole, *rows = index.of({"c": 3})["c"]
    np.testing.assert_allclose(rows, WordEncoder().encode(["T. owls count mice.", "T. newts swim."]), atol=5e-4)
    np.testing.assert_allclose(whole, np.sum(rows, axis=0) / np.linalg.norm(np.sum(rows, axis=0)), atol=5e-4)


def test_some_papers_are_searched_alone_and_what_is_not_there_does_not_matter(index: VectorIndex) -> None:
    question = WordEncoder().encode(["T. owls count mice"])[0]
    every = index.search(question, 5)
    assert index.search(question, 5, {"a", "b"}) == every
    assert index.search(question, 5, {"b"}) == [hit for hit in every if hit[0] == "b"]
    assert index.search(question, 5, {"b", "gone"}) == index.search(question, 5, {"b"})
    assert index.search(question, 1, {"a", "b"}) == every[:1]
    assert index.search(question, 5, set()) == index.search(question, 5, {"gone"}) == []


def test_a_cleared_index_is_empty_and_can_be_filled(index: VectorIndex) -> None:
    index.clear()
    assert len(index) == 0
    index.apply([change("new", "newts")])
    assert near(index, "newts") == ["new"]


def test_what_was_made_once_is_not_made_again_for_an_index_that_lost_it(index: VectorIndex, store: Store) -> None:
    of_a = [change("a", "owls count mice", "bridges of paper"), change("b", "zebra stripes")]
    before = index.search(WordEncoder().encode(["T. owls"])[0], 3)
    index.clear()
    encoder = CountingEncoder()
    again = VectorIndex(index._store, Here(encoder), store)
    again.apply(of_a)
    assert (encoder.texts, len(index)) == (0, 2)
    assert index.search(WordEncoder().encode(["T. owls"])[0], 3) == before


def test_what_was_written_is_there_when_opened_again(opens: Callable[[], VectorIndex], index: VectorIndex) -> None:
    index.close()
    with closing(opens()) as again:
        assert near(again, "zebra stripes")[0] == "b"


@pytest.mark.parametrize("content", [None, b"garbage" * 1000])
def test_a_folder_without_a_whole_index_is_damaged(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / "vectors"
    folder.mkdir()
    if content is not None:
        (folder / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(IndexDamaged, match="whichpapers rebuild"):
        ChromaFolder(folder)


class RandomEncoder:
    """Encodes the text "T. N" as the N-th row of a fixed random matrix."""

    name = fingerprint = "random-64"

    def __init__(self, count: int) -> None:
        rows = np.random.default_rng(7).standard_normal((count, 64)).astype(np.float32)
        self.rows: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return self.rows[[int(text.removeprefix("T. ")) for text in texts]]


def test_approximate_search_equals_exact_search_to_a_recall_of_98_percent(tmp_path: Path, store: Store) -> None:
    encoder = RandomEncoder(4000)
    queries = RandomEncoder(4050).rows[4000:]
    with closing(Index(ChromaFolder(tmp_path / "vectors", create=True), Here(encoder), store)) as index:
        for start in range(0, 4000, 500):
            index.apply([change(str(n), str(n)) for n in range(start, start + 500)])
        found = kept = 0
        for query in queries:
            exact = {str(n) for n in np.argsort(-(encoder.rows @ query), kind="stable")[:200]}
            hits = index.search(query, 200)
            similarities = [similarity for _, similarity in hits]
            assert similarities == sorted(similarities, reverse=True)
            expected = [float(encoder.rows[int(paper_id)] @ query) for paper_id, _ in hits]
            np.testing.assert_allclose(similarities, expected, atol=5e-4)
            found += len(exact & {paper_id for paper_id, _ in hits})
            kept += len(exact)
    assert found / kept >= 0.98


def test_what_lies_in_the_working_folder_sets_nothing(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = (
        "CHROMA_API_IMPL=chromadb.api.fastapi.FastAPI\nCHROMA_SERVER_HOST=canary.invalid\nCHROMA_SERVER_HTTP_PORT=1\n"
    )
    (tmp_path / ".env").write_text(told)
    monkeypatch.chdir(tmp_path)
    with closing(Index(ChromaFolder(tmp_path / "vectors", create=True), Here(WordEncoder()), store)) as index:
        index.apply([change("a", "owls count mice")])
        assert near(index, "owls") == ["a"]


def test_folders_of_one_name_below_two_folders_are_two(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    with ExitStack() as opened:
        for place, text in (("here", "owls count mice"), ("there", "zebra stripes")):
            (tmp_path / place).mkdir()
            monkeypatch.chdir(tmp_path / place)
            index = opened.enter_context(
                closing(Index(ChromaFolder(Path("vectors"), create=True), Here(WordEncoder()), store))
            )
            index.apply([change(place, text)])
            found.append(set(near(index, text)))
    assert found == [{"here"}, {"there"}]


def test_an_index_of_before_that_holds_every_passage_finds_each_work_once(index: VectorIndex) -> None:
    rows = WordEncoder().encode(["T. owls count mice", "T. owls"])
    index._store.put(["a#1", "a#2"], rows)
    assert near(index, "owls count mice", 9) == ["a", "b"]
    assert index.search(rows[1], 9)[0][1] == pytest.approx(1.0, abs=5e-4)


def test_vectors_of_a_text_that_has_changed_since_are_not_taken_for_its_own(index: VectorIndex, store: Store) -> None:
    index.search_within(WordEncoder().encode(["T. owls"])[0], index.search(WordEncoder().encode(["T. owls"])[0], 9))
    told = change("a", "newts swim", "in ponds of wood")
    assert told.paper
    store.put_paper(told.paper, told.passages)  # by another process, which has not come to its vectors
    assert index.of({"a": 2}) == {}
    assert sorted(index.wholes(["a", "b", "unknown"])) == ["a", "b"]
