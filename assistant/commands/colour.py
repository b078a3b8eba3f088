"""Answer -> terminal: wrapped to its width, with titles and markers told apart, where it is one that can."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from assistant.records import Answer
from assistant.render import markdown, unescaped

NARROWEST = 20
"""Columns under which nothing is gained by wrapping."""

_BOLD = re.compile(r"(?<!\\)\*\*")
_LINE = re.compile(r"(?:> )?( *(?:- |\d+\. )?)(.*)")
_MARKER = re.compile(r"(?<!\\)\[\d+\]")


def show(answer: Answer) -> None:
    """Prints an answer to the terminal. Words are kept whole, wide characters are counted as such.

    NO_COLOR (no-color.org) and TERM=dumb leave it without any escape sequence.
    """
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    width = shutil.get_terminal_size().columns  # never 0, in which Console would show nothing
    console = Console(file=sys.stdout, highlight=False, color_system=None if plain else "standard", width=width)
    for line in _wrapped(answer, console):
        console.print(line, soft_wrap=True)


def _wrapped(answer: Answer, console: Console) -> Iterator[Text]:
    for line in markdown(answer).replace("## Sources", "Sources").splitlines():
        found = _LINE.fullmatch(line)
        begin, rest = found.groups() if found else ("", line)
        width = max(NARROWEST, console.width - len(begin))
        for n, part in enumerate(_styled(rest).wrap(console, width)):
            yield Text(begin if n == 0 else " " * len(begin)) + part


def _styled(markdown_line: str) -> Text:
    text = Text()
    for n, piece in enumerate(_BOLD.split(markdown_line)):
        begun = 0
        for marker in _MARKER.finditer(piece):
            text.append(unescaped(piece[begun : marker.start()]), "bold" if n % 2 else "")
            text.append(marker[0], "cyan")
            begun = marker.end()
        text.append(unescaped(piece[begun:]), "bold" if n % 2 else "")
    return text
