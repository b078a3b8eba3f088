"""From pages to a library: `ingest(paths, library=...)` reads, `Library.open(path, settings)` opens."""

from ingest.build import SAMPLE, ingest
from ingest.errors import IngestError
from ingest.library import Library
from ingest.records import IngestReport, Paper, Passage, Source
from ingest.settings import Settings

__all__ = ["SAMPLE", "IngestError", "IngestReport", "Library", "Paper", "Passage", "Settings", "Source", "ingest"]
