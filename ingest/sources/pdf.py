"""Page -> Paper: a paper as PDF, its title and abstract guessed from the first page. Needs the extra `pdf`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from ingest.errors import PageUnreadable
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.paper import Metadata, make_paper
from ingest.sources.whole import whole

MAX_BYTES = 50_000_000
TIMEOUT_S = 20


def recognises(page: Page) -> bool:
    """Whether the file opens with PDF's mark."""
    return page.start.lstrip().startswith(b"%PDF-")


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields the paper with a word that it is a guess. The file is parsed by a process that is stopped if it hangs.

    Raises:
        PageUnreadable: It is damaged, has no text, takes too long, or pypdf is not installed.
    """
    content = whole(page, MAX_BYTES)
    command = [sys.executable, "-m", "ingest.sources.pdf_worker"]
    try:
        ended = subprocess.run(command, input=content, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise PageUnreadable(f"a PDF that takes more than {TIMEOUT_S} s to read") from error
    if ended.returncode:
        last = ended.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["the process was stopped"]
        raise PageUnreadable(f"a PDF that cannot be read: {last[0][:200]}")
    told = json.loads(ended.stdout)
    found = make_paper(Source(page.origin, 1, ""), told["title"], told["abstract"], Metadata(arxiv=told["arxiv"]))
    yield found
    if isinstance(found, Paper):
        yield Warned(page.origin, f"title and abstract are guessed from the PDF's first page: {found.title[:60]!r}")
