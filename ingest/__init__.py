"""From pages to a library: `ingest(paths, library=...)` reads, `Library.open(path, settings)` opens."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.build import SAMPLE, ingest
    from ingest.errors import IngestError
    from ingest.library import Library
    from ingest.records import IngestReport, Paper, Passage, Source
    from ingest.settings import Settings, read_settings

__all__ = [
    "SAMPLE", "IngestError", "IngestReport", "Library", "Paper", "Passage", "Settings", "Source", "ingest",
    "read_settings",
]  # fmt: skip

_HOMES = {
    "build": ("SAMPLE", "ingest"),
    "errors": ("IngestError",),
    "library": ("Library",),
    "records": ("IngestReport", "Paper", "Passage", "Source"),
    "settings": ("Settings", "read_settings"),
}


def __getattr__(name: str) -> object:
    """Imports a name when it is first used: all of them take half a second, and `--help` needs none."""
    for home, names in _HOMES.items():
        if name in names:
            found = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
