"""Settings -> libraries whose vectors are on a Chroma server, for tests."""

from __future__ import annotations

import json
import socket
from typing import Any

from ingest import Library, Settings
from ingest.store import Store
from tests.chroma_process import ChromaProcess, Gate
from tests.fakes import WordEncoder
from tests.libraries import assert_whole, many


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
