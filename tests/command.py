"""The command line with a fake encoder: `python -m tests.command ARGUMENTS` is `whichpapers ARGUMENTS`."""

from __future__ import annotations

import ingest.library
from assistant.cli import main
from ingest import Settings
from tests.fakes import WordEncoder


def words_for(settings: Settings) -> WordEncoder:
    return WordEncoder(settings.encoder)


if __name__ == "__main__":
    ingest.library.open_encoder = words_for  # type: ignore[attr-defined]  # in place of the real one
    main()
