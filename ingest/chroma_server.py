"""Keys, vectors -> a Chroma server: run by `chroma run`, distributed or hosted, by one setting.

A collection belongs to one library.db: each remembers the other, by a mark that a writer renews. So a copy of the
library that is written by itself, a server that was emptied, and one that was put back to an older state are noticed,
and the vectors are made anew in a collection of another name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx

from ingest.chroma import ChromaStore, Found, graph, names_no_model
from ingest.errors import IndexAbsent, VectorsUnavailable
from ingest.settings import Settings
from ingest.store import Store

if TYPE_CHECKING:
    from chromadb.api.fastapi import FastAPI
    from chromadb.api.models.Collection import Collection

_REMEMBERED = "collection"
"""Where library.db keeps the name of its collection, and the marks that it may have."""
_MARK = "written_by"
_ATTEMPTS = 3
"""To find it while another process gives it another mark or name: that changes in library.db after the server."""
_MAX_WHY_CHARS = 200


class ChromaServer(ChromaStore):
    """The library's collection on a server. Any number of processes may read it, on any machine; one writes it."""

    def __init__(self, settings: Settings, store: Store, *, write: bool, strict: bool = True) -> None:
        """Finds the library's collection.

        Args:
            settings: Say where the server is.
            store: The library's database, which remembers the collection.
            write: Make the collection if it is not there, and owe it all vectors.
            strict: Take it for absent where another has written it since: this library.db, or a copy of it that went
                on, is then behind. To be read without being mended it serves all the same.

        Raises:
            IndexAbsent: To be read, and it is not there.
            VectorsUnavailable: The server is down, refuses us or takes too long.
        """
        self.place = f"the Chroma server at {settings.chroma}"
        self._settings, self._store, self._strict = settings, store, strict
        self._api = _connected(settings)
        try:
            with self._told():
                self.most = min(settings.chroma_rows, self._api.get_max_batch_size())
                self._collection = self._claimed() if write else self._found()
        except (IndexAbsent, VectorsUnavailable):
            self.close()
            raise

    def refresh(self) -> None:
        """Finds the collection anew: one that was emptied has another id."""
        with self._told():
            self._collection = self._found()

    def close(self) -> None:
        """Lets go of the connection."""
        self._api._session.close()

    def clear(self) -> None:
        """Makes an empty collection in place of the library's."""
        with self._told():
            before, self._collection = self._collection.name, self._made()
            self._api.delete_collection(before, **self._where)

    @property
    def _where(self) -> dict[str, str]:
        return {"tenant": self._settings.chroma_tenant, "database": self._settings.chroma_database}

    def _known(self) -> tuple[str, list[str]]:
        """Name of the library's collection, and the marks that it may have."""
        name, marks = json.loads(self._store.recall(_REMEMBERED) or '["", []]')
        return name, marks

    def _found(self) -> Collection:
        """The library's collection, as this library wrote it.

        Raises:
            IndexAbsent: There is none.
        """
        from chromadb.errors import NotFoundError  # noqa: PLC0415  (see `ingest.chroma`)

        why = "it was never given them"
        for _ in range(_ATTEMPTS):
            name, marks = self._known()
            if not name:
                break
            try:
                collection = self._opened(name)
            except NotFoundError:
                why = f"no collection {name}"
                continue
            if not self._strict or (collection.metadata or {}).get(_MARK) in marks:
                return collection
            why = f"collection {name} is older, or a copy of this library has written it"
        raise IndexAbsent(self.place, why)

    def _claimed(self) -> Collection:
        """The library's collection under a new mark, or a new one that is owed everything."""
        try:
            collection = self._found()
        except IndexAbsent:
            return self._made()
        name, marks = self._known()
        mark = uuid4().hex
        self._store.remember(_REMEMBERED, json.dumps([name, [*marks, mark]]))
        collection.modify(metadata={_MARK: mark})
        self._store.remember(_REMEMBERED, json.dumps([name, [mark]]))
        return collection

    def _made(self) -> Collection:
        """A new collection, to which the library owes all its vectors."""
        mark = uuid4().hex
        name = f"whichpapers-{mark}"
        tenant, database = self._settings.chroma_tenant, self._settings.chroma_database
        self._api.create_collection(
            name, configuration=graph(), metadata={_MARK: mark}, tenant=tenant, database=database
        )
        with self._store.transaction():
            self._store.owe_everything("vectors")
            self._store.remember(_REMEMBERED, json.dumps([name, [mark]]))
        return self._opened(name)

    def _opened(self, name: str) -> Collection:
        from chromadb.api.models.Collection import Collection  # noqa: PLC0415  (see `ingest.chroma`)

        model = self._api.get_collection(name, **self._where)
        told = model.configuration_json or {}
        if not names_no_model([told, model.serialized_schema]):
            raise VectorsUnavailable(self.place, f"gives collection {name} an embedding function, which we do not load")
        if (told.get("hnsw") or told.get("spann") or {}).get("space") != "cosine":  # whatever it was asked for
            raise VectorsUnavailable(self.place, f"does not compare vectors of collection {name} by cosine")
        return Collection(client=self._api, model=model, embedding_function=None)

    def _do(self, ask: Callable[[Collection], Found]) -> Found:
        """What `ask` gives: asked again where the server was started anew, or another process emptied the collection.

        Raises:
            VectorsUnavailable: The server is down, refuses us or takes too long.
        """
        from chromadb.errors import NotFoundError  # noqa: PLC0415  (see `ingest.chroma`)

        with self._told():
            try:
                return ask(self._collection)
            except (NotFoundError, httpx.NetworkError, httpx.RemoteProtocolError):
                self._collection = self._found()
                return ask(self._collection)

    def _change(self, change: Callable[[Collection], object]) -> None:
        """See `ChromaStore._change`; what is done twice is done once."""
        self._do(change)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns whatever goes wrong between us and the server into one line."""
        from chromadb.errors import ChromaError  # noqa: PLC0415  (see `ingest.chroma`)

        try:
            yield
        except httpx.TimeoutException as error:
            why = f"gave no answer in {self._settings.chroma_timeout_s:g} s (WHICHPAPERS_CHROMA_TIMEOUT_S)"
            raise VectorsUnavailable(self.place, why) from error
        except httpx.HTTPStatusError as error:
            raise VectorsUnavailable(self.place, _status(error.response)) from error
        except httpx.TransportError as error:
            why = f"cannot be reached ({self._shown(error)}); start it, or correct WHICHPAPERS_CHROMA"
            raise VectorsUnavailable(self.place, why) from error
        except (ChromaError, ValueError) as error:
            raise VectorsUnavailable(self.place, f"fails: {self._shown(error)}") from error

    def _shown(self, error: Exception) -> str:
        """What an error says, in one short line, without anything secret that the server may repeat."""
        text = str(error) or type(error).__name__
        for value in _headers(self._settings).values():
            for secret in (value, *value.split()):
                text = text.replace(secret, "...")
        return re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", text)[:_MAX_WHY_CHARS].strip()


def _connected(settings: Settings) -> FastAPI:
    """Chroma's own client of its HTTP interface. Nothing is sent yet."""
    from chromadb.api.fastapi import FastAPI  # noqa: PLC0415  (see `ingest.chroma`)
    from chromadb.config import Settings as ChromaSettings  # noqa: PLC0415
    from chromadb.config import System  # noqa: PLC0415

    chroma = ChromaSettings(
        _env_file=None,  # type: ignore[call-arg]  # pydantic has it: nothing is read from the working folder
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=settings.chroma,
        chroma_server_http_port=0,  # the address has it
        chroma_server_headers=_headers(settings),
        chroma_client_auth_provider=None,
        anonymized_telemetry=False,
    )
    api = FastAPI(System(chroma))
    # Chroma's client would wait for ever, and raise a bare Exception at what is no answer of Chroma's.
    api._session.timeout = httpx.Timeout(settings.chroma_timeout_s)
    api._session.event_hooks = {"response": [_check]}
    return api


def _headers(settings: Settings) -> dict[str, str]:
    lines = settings.chroma_headers.get_secret_value().splitlines() if settings.chroma_headers else []
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _check(response: httpx.Response) -> None:
    """Raises HTTPStatusError where something else than Chroma answered, such as a proxy before it."""
    from chromadb.errors import error_types  # noqa: PLC0415  (see `ingest.chroma`)

    response.read()
    try:
        told = response.json()
    except ValueError:
        told = None
    failed = not response.is_success and not (isinstance(told, dict) and told.get("error") in error_types)
    if failed or told is None or response.status_code in (401, 403):
        raise httpx.HTTPStatusError("", request=response.request, response=response)


def _status(response: httpx.Response) -> str:
    """What a status means for the user; the body, which anyone may have written, is not shown."""
    code = f"{response.status_code} {response.reason_phrase}".strip()
    if response.status_code in (401, 403):
        return f"refuses us ({code}); set WHICHPAPERS_CHROMA_HEADERS to what it wants"
    return f"answers as no Chroma server does ({code}); correct WHICHPAPERS_CHROMA"
