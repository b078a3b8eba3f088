"""Rejections -> text: the whole list in a file of the library, and a summary by reason for the terminal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ingest.records import Rejection

REJECTED = "rejected.txt"
"""The file, in the library's folder, that lists what the last ingest rejected."""


def write(library: Path, rejections: Sequence[Rejection]) -> None:
    """Lists `rejections`, a line each, in place of what a former ingest listed; no file where there are none."""
    path = library / REJECTED
    if rejections:
        path.write_text("".join(f"{rejection.where}: {rejection.why}\n" for rejection in rejections), "utf-8")
    else:
        path.unlink(missing_ok=True)


def reasons(rejections: Sequence[Rejection]) -> list[tuple[str, int]]:
    """Reasons and how often each was given, the commonest first; what differs between places is left out."""
    return Counter(
        re.split(r"[:;(]|\d", rejection.why, maxsplit=1)[0].strip() for rejection in rejections
    ).most_common()
