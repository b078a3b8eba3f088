"""The command line as a normal user: `python -m tests.as_nobody FOLDER ARGUMENTS`, started by root, fake encoder.

Everything is imported first, by an ingest into FOLDER, as a normal user may not be able to read root's Python.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import ingest.library
from assistant.cli import main
from ingest import Library, Settings
from tests.command import words_for
from tests.conftest import SIX
from tests.fakes import WordEncoder

NOBODY = 65534

if __name__ == "__main__":
    folder = Path(sys.argv.pop(1))
    settings = Settings(library=folder / "library", encoder="words-64")
    (folder / "six.jsonl").write_text("\n".join(map(json.dumps, SIX)), "utf-8")
    ingest.ingest(folder / "six.jsonl", settings=settings, encoder=WordEncoder())
    with Library.open(settings.library, settings, WordEncoder()) as library:
        library.vectors.search(WordEncoder().encode(["owls"])[0], 1)
    ingest.library.open_encoder = words_for  # type: ignore[attr-defined]  # in place of the real one
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    main()
