"""The command line as a normal user: `python -m tests.as_nobody FOLDER`, started by root, fake encoder.

Commands come on stdin, a JSON list of lists of arguments; what each left behind goes to stdout, as JSON. Everything is
imported first, by an ingest into FOLDER, as a normal user may not be able to read root's Python.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import ingest.library
from assistant.cli import main
from ingest import Library, Settings
from tests.command import words_for
from tests.conftest import SIX
from tests.fakes import WordEncoder

NOBODY = 65534


def ended(arguments: list[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    out, err = StringIO(), StringIO()
    sys.argv = ["whichpapers", *arguments]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("a command ends by SystemExit")


if __name__ == "__main__":
    folder, commands = Path(sys.argv[1]), json.load(sys.stdin)
    settings = Settings(library=folder / "library", encoder="words-64")
    (folder / "six.jsonl").write_text("\n".join(map(json.dumps, SIX)), "utf-8")
    ingest.ingest(folder / "six.jsonl", settings=settings, encoder=WordEncoder())
    with Library.open(settings.library, settings, WordEncoder()) as library:
        library.vectors.search(WordEncoder().encode(["owls"])[0], 1)
    ingest.library.open_encoder = words_for  # type: ignore[attr-defined]  # in place of the real one
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    print(json.dumps([ended(arguments) for arguments in commands]))
