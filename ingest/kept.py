"""Settings -> VectorStore: where the vectors of a library are kept, and that it is where the library remembers them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal
from uuid import uuid4

from ingest.chroma_folder import ChromaFolder
from ingest.encode import Encoder
from ingest.errors import BadSetting, IndexAbsent, VectorsElsewhere
from ingest.settings import Settings, is_loopback, variable
from ingest.store import Store
from ingest.vectors import Engine, Here, VectorIndex, VectorStore

MakeStore = Callable[[str], VectorStore]
"""Opens a store of vectors, given the name under which a library keeps its own there."""
Kind = Literal["folder", "chroma", "vectors"]
"""Each but the first is the name of the setting that says where."""

_REMEMBERED, _NAME = "vectors_in", "vectors_name"


@dataclass(frozen=True, slots=True)
class Keep:
    """How vectors are made, and where they are kept: the library's folder, a Chroma server, or another store."""

    settings: Settings
    encoder: Encoder
    make: MakeStore | None = None
    """Used instead of what `settings` name."""
    engine: Engine | None = None
    """Makes them, where they are written; None to make them in this process."""
    strict: bool = True
    """Whether vectors are refused that the library did not write last; only a server can hold such."""

    @property
    def kind(self) -> Kind:
        """Which of them."""
        if self.make or self.settings.vectors:
            return "vectors"
        return "chroma" if self.settings.chroma else "folder"

    def agrees(self, path: Path, store: Store) -> bool:
        """Whether the library remembers its vectors to be there.

        Raises:
            VectorsElsewhere: It does not, and nobody asked for another place.
            BadSetting: The settings cannot be used.
        """
        known = store.recall(_REMEMBERED) or "folder"
        if self.kind == "folder" != known:
            raise VectorsElsewhere(path, variable(known))
        if self.settings.chroma and self.settings.vectors:
            raise _bad("vectors", self.settings.vectors, f"expected nothing where {variable('chroma')} is set")
        if self.kind == "chroma" and self.settings.offline and not is_loopback(self.settings.chroma or ""):
            raise _bad("chroma", self.settings.chroma, "WHICHPAPERS_OFFLINE forbids calls to other machines")
        return self.kind == known

    def open(self, path: Path, store: Store, *, write: bool, check: bool = True) -> VectorIndex:
        """Opens the vectors of the library at `path`, making an index without any if `write` is set.

        Raises:
            IndexDamaged: What is there cannot be used, or is not there.
            VectorsUnavailable: It cannot be reached.
            BadSetting: The settings cannot be used.
        """
        opened = self._opened(path, store, write=write, check=check)
        return VectorIndex(opened, self.engine or Here(self.encoder), store)

    def _opened(self, path: Path, store: Store, *, write: bool, check: bool) -> VectorStore:
        if self.kind == "folder":
            return ChromaFolder(path / "vectors", create=write, check=check)
        if self.kind == "chroma":
            from ingest.chroma_server import ChromaServer  # noqa: PLC0415  (most libraries need no client of HTTP)

            return ChromaServer(self.settings, store, write=write, strict=self.strict)
        opened = (self.make or _named(self.settings.vectors or ""))(_name(store, write=write))
        if not isinstance(opened, VectorStore):
            raise _bad("vectors", type(opened).__name__, "expected a VectorStore, such as a LlamaIndexStore")
        return opened

    def forget(self, store: Store) -> None:
        """Has the library forget where its vectors are kept, as all of them are made anew."""
        store.forget(_REMEMBERED)

    def settle(self, path: Path, store: Store) -> None:
        """Has the library remember that its vectors are kept here, which owes it all if they were kept elsewhere."""
        if (store.recall(_REMEMBERED) or "folder") != self.kind:
            with store.transaction():
                store.owe_everything("vectors")
                store.remember(_REMEMBERED, self.kind)
        if self.kind != "folder":
            shutil.rmtree(path / "vectors", ignore_errors=True)  # what is there will be out of date


def open_engine(settings: Settings, encoder: Encoder) -> Engine:
    """What makes vectors, as `settings` say; it begins when it is given works.

    Raises:
        BadSetting: It cannot be used.
    """
    if settings.engine == "here":
        return Here(encoder)
    from ingest.ray_data import RayData  # noqa: PLC0415  (a second, and an extra to install)

    return RayData(settings, encoder)


def _name(store: Store, *, write: bool) -> str:
    """The name of the library's vectors in a store that may hold those of others: fit for collections and tables."""
    name = store.recall(_NAME)
    if name is None:
        if not write:
            raise IndexAbsent("the store of vectors", "it was never given them")
        name = f"whichpapers_{uuid4().hex}"
        store.remember(_NAME, name)
    return name


def _named(text: str) -> MakeStore:
    module, _, name = text.partition(":")
    try:
        make: MakeStore = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _bad("vectors", text, f"{error}; expected module:function") from error
    if not callable(make):
        raise _bad("vectors", text, "expected a function")
    return make


def _bad(name: str, value: object, why: str) -> BadSetting:
    return BadSetting(name, variable(name), value, why)
