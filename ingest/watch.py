"""Folder -> reports: ingested as it is, and again whenever something in it changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

from ingest.build import ingest
from ingest.encode import Encoder
from ingest.errors import LibraryBusy, NothingReadable, SourceMissing
from ingest.files import SUFFIXES
from ingest.records import IngestReport
from ingest.settings import Settings

TRY_AGAIN_MS = 2_000
"""How long a library that another process writes is left alone."""


def watch(
    folder: Path, settings: Settings, *, sync: bool = False, stop: Event | None = None, encoder: Encoder | None = None
) -> Iterator[IngestReport | LibraryBusy | NothingReadable]:
    """Ingests `folder` now and after each change, until `stop` is set; yields what each ingest did, or why it did not.

    While another process writes the library it waits, and says so once.

    Raises:
        SourceMissing: There is no such folder.
        IngestError: See `ingest`.
        KeyboardInterrupt: Somebody pressed Ctrl-C. What was stored is there, as after any end.
    """
    import watchfiles  # noqa: PLC0415  (a tenth of a second, which other commands should not take)

    if not folder.is_dir():
        raise SourceMissing(folder)
    library = settings.library.resolve()

    def concerns_us(_: watchfiles.Change, path: str) -> bool:
        return Path(path).suffix.lower() in SUFFIXES and not Path(path).resolve().is_relative_to(library)

    owed, busy = True, False
    looks = watchfiles.watch(
        folder, watch_filter=concerns_us, stop_event=stop, rust_timeout=TRY_AGAIN_MS, yield_on_timeout=True
    )
    # It looks from before the first ingest on, so that no change falls between two.
    for changes in looks:
        if not changes and not owed:
            continue
        try:
            report = ingest(folder, settings=settings, sync=sync, encoder=encoder)
        except LibraryBusy as error:
            if not busy:
                yield error
            owed = busy = True
            continue
        except NothingReadable as error:
            owed = busy = False
            yield error
            continue
        owed = busy = False
        yield report
