"""Arguments -> another program: the commands that are programs of their own, which this package must not import."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""How Typer leaves a program its own options."""


def evaluate(context: typer.Context) -> None:
    """Score the assistant on judged questions; `whichpapers eval --help` tells its options."""
    _become("evals", context.args)


def bench(context: typer.Context) -> None:
    """Measure speed and memory beside plain LlamaIndex; `whichpapers bench --help` tells its options."""
    _become("evals.bench", context.args)


def chat(context: typer.Context) -> None:
    """Open the chat, a page for the browsers of this machine; `whichpapers chat --help` tells its options."""
    _become("app", context.args)


def serve(context: typer.Context) -> None:
    """Serve a library over HTTP, also to chat programs; `whichpapers serve --help` tells its options (MCP: `mcp`)."""
    _become("assistant.serve", context.args)


def _become(module: str, arguments: list[str]) -> NoReturn:
    """Goes on as another program, one that is built on this package and that this package must not import."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 (our own program)
