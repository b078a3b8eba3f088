"""A library served over loopback by a thread of the test, or by `python -m tests.serving` with words for an encoder."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import ingest.library
from assistant import Assistant, Stage
from assistant.llm.records import Chat
from assistant.records import Event
from assistant.serve.__main__ import main, server
from assistant.serve.api import application
from assistant.serve.gate import Gate
from assistant.serve.line import Line
from assistant.show.guard import LOOPBACK
from ingest import Settings
from tests.command import words_for
from tests.fakes import WordEncoder
from tests.processes import ROOT, environment


class Held(Assistant):
    """Begins to answer, and goes on only once it is let."""

    began = threading.Semaphore(0)
    """Released whenever an answer begins."""
    ended = threading.Semaphore(0)
    """Released whenever one is over, whoever ended it."""
    go = threading.Event()

    def stream(self, *arguments: Any, **options: Any) -> Iterator[Event]:
        self.began.release()
        try:
            yield Stage("understand", "held")
            while not self.go.wait(0.02):
                yield Stage("judge", "held")
            yield from super().stream(*arguments, **options)
        finally:
            self.ended.release()


def six(folder: Path, kind: type[Assistant] = Assistant, chat: Chat | None = None) -> Assistant:
    """The assistant of the six papers in `folder`, as `conftest.six_papers` gives it."""
    settings = Settings(library=folder / "library", encoder="words-64", offline=True)
    return kind(ingest.Library.open(settings.library, settings, WordEncoder()), settings, chat)


def gated(assistant: Assistant, line: Line, key: str | None = None) -> Gate:
    """All that `whichpapers serve` puts before a socket."""
    return Gate(application(assistant, line, keyed=bool(key)), key, LOOPBACK)


@contextmanager
def serving(
    assistant: Assistant, key: str | None = None, *, at_once: int = 4, waiting: int = 64, seconds: float = 60
) -> Iterator[str]:
    """Serves as long as it is needed; gives the address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening, closing(Line(at_once, waiting, seconds)) as line:
        running = server(gated(assistant, line, key))
        thread = threading.Thread(target=running.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join(30)
        assert not thread.is_alive()


@contextmanager
def process(
    *arguments: str | Path, module: str = "tests.serving", **variables: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serves by a process of its own; gives its address and the process."""
    command: Sequence[str] = [sys.executable, "-m", module, "--port", "0", *map(str, arguments)]
    told = environment(**{"WHICHPAPERS_ENCODER": "words-64"} | variables)
    with subprocess.Popen(command, cwd=ROOT, env=told, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        said = running.stderr.readline()
        found = re.search(r"papers at (http://\S+)", said)
        try:
            assert found, said + running.stderr.read()
            yield found[1], running
        finally:
            running.terminate()
            running.wait(30)


if __name__ == "__main__":
    ingest.library.open_encoder = words_for  # type: ignore[attr-defined]  # in place of the real one
    main()
