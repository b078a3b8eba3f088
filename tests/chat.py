"""The chat with words for an encoder: `python -m tests.chat --library DIR --port PORT`.

The language model, if any, is the one that the environment names, as for users: OPENAI_BASE_URL, WHICHPAPERS_MODEL.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path

import app  # noqa: TID251 (its own test)
from assistant import Assistant
from assistant.show.desk import Desk
from assistant.show.door import entrance
from ingest.settings import read_settings
from tests.fakes import WordEncoder


def main() -> None:
    """Serves until it is ended."""
    parser = ArgumentParser()
    parser.add_argument("--library", type=Path)
    parser.add_argument("--port", type=int)
    given, encoder = parser.parse_args(), WordEncoder()
    settings = read_settings({"library": given.library, "encoder": encoder.name, "offline": True})
    desk = Desk(settings, encoder, lambda wanted: Assistant.open(settings=wanted, encoder=encoder))
    password, header = (os.environ.get(f"WHICHPAPERS_{name}", "") for name in ("PASSWORD", "USER_HEADER"))
    app.launch(desk, "127.0.0.1", given.port, entrance("127.0.0.1", ("reader", password), header))


if __name__ == "__main__":
    main()
