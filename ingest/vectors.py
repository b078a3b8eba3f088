"""Passage -> Vector, kept: one vector a passage, in Chroma, by cosine. Chroma never encodes anything itself."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ingest.encode import Encoder, SentenceTransformerEncoder, Vectors
from ingest.errors import IndexDamaged
from ingest.place import Place
from ingest.project import Change
from ingest.split import passage_text
from ingest.store import batches

if TYPE_CHECKING:
    from chromadb.api.types import GetResult

Found = TypeVar("Found")

_ATTEMPTS = 3
"""To read while another process writes: Chroma then misses at times what it has just seen."""
_COLLECTION = "passages"
_STAMP = "graph.json"
_PART = 256
"""Passages encoded at once, while Chroma keeps those before."""
_NEIGHBOURS = 32
"""Of each vector, at each level of the graph but the lowest."""
_EF_SEARCH = 200
"""Breadth of the graph search: recall of the 200 nearest passages against exact search is tested."""


class VectorIndex:
    """The vectors of every passage. Writing needs the library's writer lock; a reader must `refresh` to see it."""

    target = "vectors"
    batch_papers = 128
    """What a crash makes us encode again at most."""

    def __init__(self, folder: Path, encoder: Encoder, *, create: bool = False, check: bool = True) -> None:
        """Opens the index in `folder`.

        Args:
            folder: Of Chroma's files. Where it cannot be written, a copy of it is read, as Chroma always writes.
            encoder: Makes the vectors of passages.
            create: Make an empty index if there is none.
            check: Make sure first that Chroma can read its files.

        Raises:
            IndexDamaged: The folder holds something else, or less.
        """
        self._folder, self._encoder = folder, encoder
        self._wrote = False
        self._lock = threading.RLock()
        """A search in one thread must not meet a refresh in another."""
        if not create and not (folder / "chroma.sqlite3").is_file():
            raise IndexDamaged(folder, "chroma.sqlite3 is missing")
        _check_owner(folder)
        if check:
            _check_graph(folder)
        self._open()

    def _open(self) -> None:
        # Imported on first use: it takes half a second, which `--help` and a bad argument should not.
        import chromadb  # noqa: PLC0415
        from chromadb.api.collection_configuration import CreateCollectionConfiguration  # noqa: PLC0415
        from chromadb.api.shared_system_client import SharedSystemClient  # noqa: PLC0415
        from chromadb.config import Settings  # noqa: PLC0415
        from chromadb.errors import ChromaError  # noqa: PLC0415

        graph: CreateCollectionConfiguration = {
            "hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": _EF_SEARCH, "max_neighbors": _NEIGHBOURS}
        }
        self._place = Place(self._folder)
        try:
            # The whole path: Chroma knows folders by name, and would give one of the same name below another folder.
            folder = str(self._place.path.absolute())
            self._client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
            self._collection = self._client.get_or_create_collection(
                _COLLECTION, configuration=graph, embedding_function=None
            )
            self._collection.count()
        except (ChromaError, sqlite3.Error, ValueError, OSError) as error:
            SharedSystemClient.clear_system_cache()  # else whoever opens this folder next is given what failed here
            self._place.leave()
            raise IndexDamaged(self._folder, str(error)) from error
        self._batch = min(5000, self._client.get_max_batch_size())

    def __len__(self) -> int:
        """Passages in the index."""
        return self._collection.count()

    def refresh(self) -> None:
        """Makes what another process has written visible here; a client in use would go on reading the old graph."""
        with self._lock:
            self.close()
            self._open()

    def close(self) -> None:
        """Lets go of the files."""
        self._client.close()  # type: ignore[attr-defined]  # Client has it, its declared base has not
        self._place.leave()
        if self._wrote:
            _write_stamp(self._folder, _graph_files(self._folder))

    def apply(self, changes: Sequence[Change]) -> None:
        """Brings these works up to date, encoding their passages; durable when it returns.

        Raises:
            OSError: The disk refuses.
        """
        from chromadb.errors import ChromaError  # noqa: PLC0415  (see _open)

        self._wrote = True
        try:
            self._write(changes)
        except ChromaError as error:
            raise OSError(f"vectors/: {error}") from error
        _write_stamp(self._folder, _graph_files(self._folder))

    def _write(self, changes: Sequence[Change]) -> None:
        gone = [
            _key(change.paper_id, n) for change in changes for n in range(len(change.passages), change.passages_before)
        ]
        for start in range(0, len(gone), self._batch):
            self._collection.delete(ids=gone[start : start + self._batch])
        kept = [(change.paper, passage) for change in changes if change.paper for passage in change.passages]
        keys = [_key(passage.paper_id, passage.ordinal) for _, passage in kept]
        texts = [passage_text(paper, passage) for paper, passage in kept]
        size = min(_PART, self._batch)
        with ThreadPoolExecutor(1) as ahead:
            for part, vectors in zip(
                batches(keys, size), ahead.map(self._encoder.encode, batches(texts, size)), strict=True
            ):
                self._collection.upsert(ids=part, embeddings=vectors)

    def clear(self) -> None:
        """Removes everything, the files too."""
        self.close()
        shutil.rmtree(self._folder)
        self._open()

    def search(self, vector: Vectors, k: int, among: Mapping[str, int] | None = None) -> list[tuple[str, int, float]]:
        """The passages nearest to `vector` (shape (dimension,), unit length), approximately.

        Args:
            vector: What is sought.
            k: At most this many passages.
            among: Number of passages of each paper among which is searched; None for all papers.

        Returns:
            (paper id, ordinal, cosine similarity in [-1, 1]), best first, ties by id and ordinal.

        Raises:
            IndexDamaged: Its files cannot be read.
        """
        if k < 1:
            return []
        hits: list[tuple[str, int, float]] = []
        for keys in [None] if among is None else batches(_keys(among), self._batch):
            hits += self._again(partial(self._nearest, vector, k, keys))
        return sorted(hits, key=lambda hit: (-hit[2], hit[0], hit[1]))[:k]

    def _nearest(self, vector: Vectors, k: int, keys: list[str] | None) -> list[tuple[str, int, float]]:
        from chromadb.errors import ChromaError  # noqa: PLC0415  (see _open)

        try:
            found = self._collection.query(vector[np.newaxis, :], ids=keys, n_results=k, include=["distances"])
        except ChromaError:
            # It fails at a key that it does not hold: one that is not there yet, or no more.
            held = self._collection.get(ids=keys, include=[])["ids"] if keys else []
            if keys is None or len(held) == len(keys):
                raise
            return self._nearest(vector, k, held) if held else []
        return [
            (*_passage(key), min(1.0, 1.0 - float(distance)))
            for key, distance in zip(found["ids"][0], (found["distances"] or [[]])[0], strict=True)
        ]

    def _embedded(self, keys: list[str]) -> GetResult:
        return self._collection.get(ids=keys, include=["embeddings"])

    def _again(self, read: Callable[[], Found]) -> Found:
        """What `read` gives: over files opened anew where another process has changed them under it.

        Raises:
            IndexDamaged: Its files cannot be read.
        """
        from chromadb.errors import ChromaError  # noqa: PLC0415  (see _open)

        with self._lock:
            for _ in range(_ATTEMPTS - 1):
                try:
                    return read()
                except ChromaError:
                    self.refresh()
            try:
                return read()
            except ChromaError as error:
                raise IndexDamaged(self._folder, str(error)) from error

    def any_vector(self) -> Vectors:
        """Some stored vector, shape (dimension,); there must be one."""
        found = self._collection.get(limit=1, include=["embeddings"])["embeddings"]
        rows: Vectors = np.asarray(found, dtype=np.float32)
        row: Vectors = rows[0]
        return row

    def of(self, passages: Mapping[str, int]) -> dict[str, Vectors]:
        """The stored vectors of whole papers.

        Args:
            passages: Number of passages of each paper id.

        Returns:
            For each paper whose vectors are all there: shape (passages, dimension), in order of ordinal.
        """
        keys = list(_keys(passages))
        rows: dict[str, object] = {}
        for start in range(0, len(keys), self._batch):
            found = self._again(partial(self._embedded, keys[start : start + self._batch]))
            rows.update(zip(found["ids"], found["embeddings"] if found["embeddings"] is not None else (), strict=True))
        return {
            paper_id: np.asarray([rows[_key(paper_id, n)] for n in range(count)], dtype=np.float32)
            for paper_id, count in passages.items()
            if all(_key(paper_id, n) in rows for n in range(count))
        }


def _check_owner(folder: Path) -> None:
    """Raises IndexDamaged where a collection names what should make its vectors: such a folder is not of our making.

    Chroma would load what is named there on the next write, and run code that came with it.
    """
    file = folder / "chroma.sqlite3"
    if not file.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=30)) as db:
            told = db.execute("SELECT config_json_str, schema_str FROM collections").fetchall()
        if not all(_is_ours(json.loads(text)) for row in told for text in row if text):
            raise IndexDamaged(folder, "a collection brings an embedding function of its own")
    except (sqlite3.Error, ValueError) as error:
        raise IndexDamaged(folder, f"chroma.sqlite3: {error}") from error


def _is_ours(configuration: object) -> bool:
    """Whether nothing in a collection's configuration names an embedding function."""
    if isinstance(configuration, list):
        return all(map(_is_ours, configuration))
    if not isinstance(configuration, dict):
        return True
    named = configuration.get("embedding_function")
    return named in (None, {"type": "legacy"}, {"type": "unknown"}) and all(map(_is_ours, configuration.values()))


def _check_graph(folder: Path) -> None:
    """Raises IndexDamaged unless Chroma can read the graph in `folder`.

    Damaged files crash the process that reads them, or leave most vectors out of every result without a word. So
    files that are not as this program last left them are tried in a process of their own first.
    """
    found = _graph_files(folder)
    if found == _stamped(folder):
        return
    if not all(map(_is_whole, folder.rglob("link_lists.bin"))):
        raise IndexDamaged(folder, "its graph of neighbours is damaged")
    code = "import sys; from ingest.vectors import probe; sys.exit(0 if probe(sys.argv[1]) else 1)"
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, str(folder)]
    tried = subprocess.run(command, env=os.environ | path, capture_output=True, check=False)  # noqa: S603 (our own code)
    if tried.returncode:
        raise IndexDamaged(folder, "its graph of neighbours cannot be read")
    _write_stamp(folder, found)


def _is_whole(file: Path) -> bool:
    """Whether a file is what the graph keeps of each vector's neighbours above its lowest level.

    For each vector: how many bytes follow, then for each level the number of neighbours, and room for _NEIGHBOURS.
    Searches that go wrong by it do not always fail: they read, and write, where nothing is theirs.
    """
    data, at, vectors, links = file.read_bytes(), 0, 0, [np.zeros((0, 1 + _NEIGHBOURS), dtype="<u4")]
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if size % (4 + 4 * _NEIGHBOURS) or at + 4 + size > len(data):
            return False
        if size:
            links.append(np.frombuffer(data, "<u4", size // 4, at + 4).reshape(-1, 1 + _NEIGHBOURS))
        at, vectors = at + 4 + size, vectors + 1
    every = np.concatenate(links)
    used = np.arange(_NEIGHBOURS) < every[:, :1]
    return at == len(data) and bool((every[:, 0] <= _NEIGHBOURS).all() and (every[:, 1:][used] < vectors).all())


def probe(folder: str) -> bool:
    """Whether a search in `folder` finds (nearly) every vector, up to 10,000; damaged files may crash the process."""
    index = VectorIndex(Path(folder), SentenceTransformerEncoder("unused"), check=False)
    try:
        wanted = min(10_000, len(index))
        return wanted == 0 or len(index.search(index.any_vector(), wanted)) >= 0.9 * wanted
    finally:
        index.close()


def _write_stamp(folder: Path, files: dict[str, list[int]]) -> None:
    with suppress(OSError):  # without it the files are tried again
        (folder / _STAMP).write_text(json.dumps(files), "utf-8")


def _stamped(folder: Path) -> object:
    try:
        return json.loads((folder / _STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _graph_files(folder: Path) -> dict[str, list[int]]:
    """Size and time of change of each file of a graph that Chroma has written out; small ones it keeps in a log."""
    graphs = (pickle.parent for pickle in folder.glob("*/index_metadata.pickle"))
    files = sorted(file for graph in graphs for file in graph.iterdir())
    return {file.relative_to(folder).as_posix(): [file.stat().st_size, file.stat().st_mtime_ns] for file in files}


def _key(paper_id: str, ordinal: int) -> str:
    return f"{paper_id}#{ordinal}"


def _keys(passages: Mapping[str, int]) -> Iterator[str]:
    return (_key(paper_id, ordinal) for paper_id, count in passages.items() for ordinal in range(count))


def _passage(key: str) -> tuple[str, int]:
    paper_id, _, ordinal = key.rpartition("#")
    return paper_id, int(ordinal)
