"""A reader in a process of its own: `python -m tests.trust.reader LIBRARY`; told on stdin when to end, fake encoder.

Whenever it sees more papers it prints how many and when; at the end what it met that should not be.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

from assistant import Assistant
from ingest import Library, Settings
from tests.fakes import WordEncoder
from tests.test_by_llm import QUESTION


def main(path: str) -> None:
    settings = Settings(library=Path(path), encoder="words-64", offline=True)
    seen, asked, wrong = 0, 0, []
    with Library.open(settings.library, settings, WordEncoder()) as library:
        assistant = Assistant(library, settings)
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            hits = assistant.search(QUESTION, k=100)
            asked += 1
            count = len(library)
            wrong += [hit.paper.id for hit in hits if not hit.paper.title or not hit.paper.abstract]
            wrong += ["no hits"] if len(hits) < 2 else []
            if count < seen:
                wrong.append(f"{seen} papers, then {count}")
            if count > seen:
                seen = count
                print(json.dumps({"papers": seen, "at": time.time()}), flush=True)
    print(json.dumps({"asked": asked, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
