"""PDF on stdin -> {"title", "abstract", "arxiv"} on stdout: guesses from the first two pages, within fixed bounds."""

from __future__ import annotations

import io
import json
import re
import resource
import sys
import warnings

MAX_MEMORY_BYTES = 2_000_000_000
MAX_SECONDS = 15

_ABSTRACT = re.compile(r"(?im)^\s*a\s?b\s?s\s?t\s?r\s?a\s?c\s?t\b\s*[.:—–-]*\s*")
_AFTER = re.compile(
    r"(?m)^\s*(?:(?:1|I)\.?\s+)?(?:I\s?NTRODUCTION|Introduction)\b|^\s*(?:Keywords|Index Terms|CCS Concepts|1\s+[A-Z])"
    r"|^\s*(?:Categories and Subject|ACM Reference)"
)
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
Run = tuple[float, str]
"""A piece of text and the size of its letters."""


def main(*, limit: bool = True) -> None:
    """Reads stdin, writes stdout, under `limit` within bounds; what pypdf raises ends it."""
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    warnings.simplefilter("ignore")
    try:
        from pypdf import PdfReader  # noqa: PLC0415  (an extra)
    except ImportError:
        sys.exit("to read it: pip install 'whichpapers[pdf]'")
    runs: list[Run] = []

    def take(text: str, _matrix: object, at: list[float], _font: object, size: float) -> None:
        runs.append((abs(size * (at[3] or at[1] or 1)), text))

    reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()))
    named = reader.metadata.title if reader.metadata else None
    pages = [page.extract_text(visitor_text=take) for page in reader.pages[:1]]
    pages += [page.extract_text() for page in reader.pages[1:2]]
    text = "\n".join(pages)
    found = _ARXIV.search(text)
    told = {"title": title(named, runs), "abstract": abstract(text), "arxiv": found[1] if found else None}
    json.dump(told, sys.stdout)


def title(named: str | None, runs: list[Run]) -> str:
    """What the file says of itself where that looks typed, else the page's largest letters in reading order."""
    sized = [(round(size, 1), text) for size, text in runs if len(text.strip()) > 1 and not text.startswith("arXiv:")]
    largest = max((size for size, _ in sized), default=0.0)
    shown = " ".join(" ".join(text for size, text in sized if size >= largest - 0.5).split())
    said = " ".join((named or "").split())
    looks_typed = " " in said and not said.lower().endswith((".pdf", ".tex", ".dvi", ".doc", ".docx"))
    return said if looks_typed or not shown else shown[:500]


def abstract(text: str) -> str:
    """What stands between the word "Abstract" and the introduction, its lines joined."""
    begins = _ABSTRACT.search(text)
    if begins is None:
        return ""
    rest = text[begins.end() :]
    ends = _AFTER.search(rest, 100)
    body = rest[: ends.start() if ends else 3_000]
    return " ".join(re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", body).split())


if __name__ == "__main__":
    main()
