"""The chat with words for an encoder: `python -m tests.chat --library DIR --port PORT [--pause SECONDS_A_WORD]`."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import app  # noqa: TID251 (its own test)
from assistant import Answer, Assistant, Stage, Token
from assistant.records import Event
from assistant.show.desk import Desk
from assistant.show.guard import Door
from ingest import Library, Settings
from tests.fakes import WordEncoder


class Slow(Assistant):
    """Answers as ever, a word at a time, with a pause after each."""

    pause_s = 0.05

    def stream(self, *arguments: Any, **options: Any) -> Iterator[Event]:
        """As the assistant's own, slowly."""
        for event in super().stream(*arguments, **options):
            if isinstance(event, Token):
                for word in event.text.split(" "):
                    yield Token(word + " ")
                    time.sleep(self.pause_s)
            elif isinstance(event, Stage) and event.name == "judge":
                for done in range(0, 100, 20):
                    yield Stage("judge", f"{done} of 100 papers", done, 100)
                    time.sleep(self.pause_s)
            else:
                yield event
                assert isinstance(event, Answer | Stage)


def main() -> None:
    """Serves until it is ended."""
    parser = ArgumentParser()
    parser.add_argument("--library", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--pause", type=float)
    given, encoder = parser.parse_args(), WordEncoder()
    settings = Settings(library=given.library, encoder=encoder.name, offline=True)
    kind = Assistant if given.pause is None else Slow
    Slow.pause_s = given.pause or 0.0
    desk = Desk(settings, encoder, lambda wanted: kind(Library.open(wanted.library, wanted, encoder), wanted))
    password = os.environ.get("WHICHPAPERS_PASSWORD")
    app.launch(desk, "127.0.0.1", given.port, Door("reader", password) if password else None)


if __name__ == "__main__":
    main()
