"""Keys, vectors -> LIBRARY/vectors/: Chroma in a folder of this machine, and what it takes to notice damage there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.chroma import MOST, NEIGHBOURS, ChromaStore, Found, graph, names_no_model
from ingest.encode import Vectors
from ingest.errors import IndexDamaged
from ingest.place import Place

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

_ATTEMPTS = 3
"""To read while another process writes: Chroma then misses at times what it has just seen."""
_COLLECTION = "passages"
_FULL = "disk is full"
"""In SQLite's message (SQLITE_FULL), by which alone Chroma tells it from damage."""
_STAMP = "graph.json"


class ChromaFolder(ChromaStore):
    """A folder of Chroma's. One process at a time may write it; a client in use goes on reading the old graph."""

    def __init__(self, folder: Path, *, create: bool = False, check: bool = True) -> None:
        """Opens `folder`.

        Args:
            folder: Of Chroma's files. Where it cannot be written, a copy of it is read, as Chroma always writes.
            create: Open it to write; make an empty one if there is none.
            check: Make sure first that Chroma can read its files.

        Raises:
            IndexDamaged: The folder holds something else, or less.
            OSError: It is to be written, and its disk is full.
        """
        self.place, self._writes = str(folder), create
        self._folder = folder
        self._wrote = False
        self._lock = threading.RLock()
        """A search in one thread must not meet a refresh in another."""
        if not create and not (folder / "chroma.sqlite3").is_file():
            raise IndexDamaged(folder, "chroma.sqlite3 is missing")
        _check_owner(folder)
        if check:
            _check_graph(folder)
        self._open()

    def _open(self, *, full: bool = False) -> None:
        # Imported on first use: it takes half a second, which `--help` and a bad argument should not. Of its settings
        # none is read from a file `.env` of the working folder, which may be anyone's, and could name a server.
        import chromadb  # noqa: PLC0415
        from chromadb.api.shared_system_client import SharedSystemClient  # noqa: PLC0415
        from chromadb.config import Settings  # noqa: PLC0415
        from chromadb.errors import ChromaError  # noqa: PLC0415

        self._place = Place(self._folder, full=full)
        try:
            # The whole path: Chroma knows folders by name, and would give one of the same name below another folder.
            folder = str(self._place.path.absolute())
            settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]  # pydantic has it
            self._client = chromadb.PersistentClient(folder, settings)
            self._collection = self._client.get_or_create_collection(
                _COLLECTION, configuration=graph(), embedding_function=None
            )
            self._collection.count()
        except (ChromaError, sqlite3.Error, ValueError, OSError) as error:
            SharedSystemClient.clear_system_cache()  # else whoever opens this folder next is given what failed here
            self._place.leave()
            if _FULL not in str(error) or full:
                raise IndexDamaged(self._folder, str(error)) from error
            if self._writes:
                raise OSError(errno.ENOSPC, f"vectors/: {error}") from error
            self._open(full=True)
        self.most = min(MOST, self._client.get_max_batch_size())

    def refresh(self) -> None:
        """Makes what another process has written visible here; a client in use would go on reading the old graph."""
        with self._lock:
            self.close()
            self._open()

    def close(self) -> None:
        """Lets go of the files."""
        self._client.close()  # type: ignore[attr-defined]  # Client has it, its declared base has not
        self._place.leave()
        _blank(self._folder)
        if self._wrote:
            self._stamp()

    def clear(self) -> None:
        """Removes everything, the files too."""
        self.close()
        shutil.rmtree(self._folder)
        self._open()

    def any_vector(self) -> Vectors:
        """Some stored vector, shape (dimension,); there must be one."""
        found = self._collection.get(limit=1, include=["embeddings"])["embeddings"]
        rows: Vectors = np.asarray(found, dtype=np.float32)
        row: Vectors = rows[0]
        return row

    def _change(self, change: Callable[[Collection], object]) -> None:
        """See `ChromaStore._change`.

        Raises:
            OSError: The disk refuses.
        """
        from chromadb.errors import ChromaError  # noqa: PLC0415  (see _open)

        self._wrote = True
        try:
            change(self._collection)
        except ChromaError as error:
            raise OSError(f"vectors/: {error}") from error
        self._stamp()

    def _do(self, ask: Callable[[Collection], Found]) -> Found:
        """What `ask` gives: over files opened anew where another process has changed them under it.

        Raises:
            IndexDamaged: Its files cannot be read.
        """
        from chromadb.errors import ChromaError  # noqa: PLC0415  (see _open)

        with self._lock:
            for _ in range(_ATTEMPTS - 1):
                try:
                    return ask(self._collection)
                except ChromaError:
                    self.refresh()
            try:
                return ask(self._collection)
            except ChromaError as error:
                raise IndexDamaged(self._folder, str(error)) from error

    def _stamp(self) -> None:
        """Notes how the files were left, so that they need not be tried when next opened."""
        _write_stamp(self._folder, _graph_files(self._folder))


def _check_owner(folder: Path) -> None:
    """Raises IndexDamaged where a collection names what should make its vectors: such a folder is not of our making."""
    file = folder / "chroma.sqlite3"
    if not file.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=30)) as db:
            told = db.execute("SELECT config_json_str, schema_str FROM collections").fetchall()
        if not all(names_no_model(json.loads(text)) for row in told for text in row if text):
            raise IndexDamaged(folder, "a collection brings an embedding function of its own")
    except (sqlite3.Error, ValueError) as error:
        raise IndexDamaged(folder, f"chroma.sqlite3: {error}") from error


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
    code = "import sys; from ingest.chroma_folder import probe; sys.exit(0 if probe(sys.argv[1]) else 1)"
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, str(folder)]
    tried = subprocess.run(command, env=os.environ | path, capture_output=True, check=False)  # noqa: S603 (our own code)
    if tried.returncode:
        raise IndexDamaged(folder, "its graph of neighbours cannot be read")
    _write_stamp(folder, found)


def _is_whole(file: Path) -> bool:
    """Whether a file is what the graph keeps of each vector's neighbours above its lowest level.

    For each vector: how many bytes follow, then for each level the number of neighbours, and room for NEIGHBOURS.
    Searches that go wrong by it do not always fail: they read, and write, where nothing is theirs.
    """
    data, at, vectors, links = file.read_bytes(), 0, 0, [np.zeros((0, 1 + NEIGHBOURS), dtype="<u4")]
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if size % (4 + 4 * NEIGHBOURS) or at + 4 + size > len(data):
            return False
        if size:
            links.append(np.frombuffer(data, "<u4", size // 4, at + 4).reshape(-1, 1 + NEIGHBOURS))
        at, vectors = at + 4 + size, vectors + 1
    every = np.concatenate(links)
    used = np.arange(NEIGHBOURS) < every[:, :1]
    return at == len(data) and bool((every[:, 0] <= NEIGHBOURS).all() and (every[:, 1:][used] < vectors).all())


def probe(folder: str) -> bool:
    """Whether a search in `folder` finds (nearly) every vector, up to 10,000; damaged files may crash the process."""
    store = ChromaFolder(Path(folder), check=False)
    try:
        wanted = min(10_000, len(store))
        return wanted == 0 or len(store.nearest(store.any_vector(), wanted, None)) >= 0.9 * wanted
    finally:
        store.close()


def _blank(folder: Path) -> None:
    """Fills the files of a graph that holds nothing yet with zeros: Chroma writes memory as it finds it, to read, too.

    What this process let go of may be in that memory, the key of a language model, too. Small libraries have no other
    graph: fewer than a thousand vectors Chroma keeps in its database alone.
    """
    with suppress(OSError):  # gone by now, or not ours to write
        for header in filter(_holds_nothing, folder.glob("*/header.bin")):
            for name in ("data_level0.bin", "length.bin"):
                file = header.with_name(name)
                if any(held := file.read_bytes()):
                    with file.open("r+b") as opened:
                        opened.write(bytes(len(held)))


def _holds_nothing(header: Path) -> bool:
    """Whether the graph with this header has no vector, and none was ever written out."""
    return header.read_bytes()[20:28] == bytes(8) and not header.with_name("index_metadata.pickle").exists()


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
