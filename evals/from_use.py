"""Library -> file of Cases: what people rated and saved in the chat, as `whichpapers eval --from-use` writes it."""

from __future__ import annotations

from pathlib import Path

from assistant.feedback import Collected, collect
from evals.errors import CannotWrite, NoNotes
from ingest import Library
from ingest.notes import Notes
from ingest.settings import Settings


def write_cases(settings: Settings, owner: str, path: Path) -> Collected:
    """Writes a file of cases from the notes of `owner`, "" where nobody logs in.

    Raises:
        NoNotes: Nobody has left any in this library.
        CannotWrite: The disk refuses.
        IngestError: See `Library.open`.
    """
    notes = settings.library / "notes.db"
    if not notes.is_file():
        raise NoNotes(settings.library)
    with Library.open(settings.library, settings) as library, Notes(notes) as opened:
        found = collect(opened, library, owner)
    try:
        path.write_text(found.lines(), "utf-8")
    except OSError as error:
        raise CannotWrite(path, error.strerror or str(error)) from error
    return found
