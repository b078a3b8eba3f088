"""Typer app -> process: runs a command line, and turns every way to end into an exit code and at most one line."""

from __future__ import annotations

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
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False, prog_name=name)
        sys.stdout.flush()
        sys.exit(code or 0)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see: {context.command_path} --help)" if context else ""
        _fail(f"{name}: " + " ".join(error.format_message().split()) + hint, 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except families as error:
        _fail(f"{name}: {error}", getattr(error, "exit_code", 1))


def _fail(line: str, code: int) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(code)
