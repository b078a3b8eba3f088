"""Typer app -> process: runs a command line, and turns every way to end into an exit code and at most one line."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from typing import NoReturn

import typer


def run(app: typer.Typer, name: str, *families: type[Exception]) -> NoReturn:
    """Runs `app` on the process's arguments and exits.

    Args:
        app: The command line.
        name: What begins an error's line.
        families: Exceptions that are told in one line; their `exit_code` says whether the user can mend it (2) or the
            reason lies outside (1).
    """
    _speak()
    try:
        code = _called(app, name)
    except typer.Abort:
        code = 130
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see: {context.command_path} --help)" if context else ""
        _fail(f"{name}: " + " ".join(error.format_message().split()) + hint, 2)
    except families as error:
        _fail(f"{name}: {error}", getattr(error, "exit_code", 1))
    except BrokenPipeError:  # who reads has seen enough
        _hush()
        code = 0
    except OSError as error:  # stdout is a file on a full disk, say
        _hush()
        _fail(f"{name}: {error}", 1)
    sys.exit(code)


def _called(app: typer.Typer, name: str) -> int:
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False, prog_name=name)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # Typer takes that for a failure
            raise ended.__context__ from None
        raise
    if sys.stdout:  # None where a process was started without one
        sys.stdout.flush()
    return code or 0


def _speak() -> None:
    """Lets no character be one that stdout cannot say: files and pipes get UTF-8, unless the user says otherwise.

    What cannot be said all the same is escaped as in JSON, so that JSON stays what it is.
    """
    if not isinstance(sys.stdout, io.TextIOWrapper):  # it was closed, or is a test's
        return
    codecs.register_error("escaped", _escaped)
    chosen = sys.stdout.isatty() or "PYTHONIOENCODING" in os.environ
    sys.stdout.reconfigure(encoding=None if chosen else "utf-8", errors="escaped")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  (stdout only encodes)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _hush() -> None:
    """Lets nothing more be written to stdout: at its end Python would try, and tell of it."""
    if sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, code: int) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(code)
