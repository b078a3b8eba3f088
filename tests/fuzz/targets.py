"""Bytes -> outcome: one input put to one reader, of files or of a model's replies, and held to what it promises.

The first byte names the reader; the rest is the file.
"""

from __future__ import annotations

import io
import re
import signal
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from pydantic import BaseModel

from assistant.by_llm import contradict, judge, verify, write
from assistant.by_llm.sheets import Sheet
from assistant.by_llm.tabulate import RowsSaid
from assistant.by_llm.understand import Plan
from assistant.llm import structured
from assistant.llm.json_text import NotJson
from assistant.llm.legible import Legible
from assistant.llm.records import Reply
from assistant.records import PaperHit, Quote
from ingest.clean import seen, stored
from ingest.files import open_page, open_pages
from ingest.read import FORMATS, Found, read
from ingest.records import Page, Paper, Rejection, Warned
from ingest.sources import pdf_worker
from ingest.sources.paper import MAX_ABSTRACT_CHARS, MAX_TITLE_CHARS

MAX_CPU_S = 2.0
ARCHIVE = "archive"
"""The file is opened from the disk, packed as it may be."""
REPLY = "reply"
"""The file is what a language model replied."""
TARGETS = (*FORMATS, ARCHIVE, REPLY)
FORMS: tuple[type[BaseModel], ...] = (judge.Findings, contradict.Findings, RowsSaid, Plan, verify.Verdicts)
_QUOTES = Quote("A Title", 0, 7, "title"), Quote("A sentence.", 0, 11, "abstract")
_SHEET = Sheet(1, PaperHit(Paper("p", "A Title", "A sentence."), 1.0, _QUOTES, {}), _QUOTES, frozenset(), "", 0)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Broken(Exception):
    """A reader did not keep what it promises."""


class _Stopped(BaseException):
    """What `pdf_worker` does under its limit of processor time."""


def encode(target: str, content: bytes) -> bytes:
    """The input that puts `content` to `target`."""
    return bytes([TARGETS.index(target)]) + content


def check(data: bytes) -> int:
    """Reads `data`, and returns how many papers, rejections and warnings it gave.

    Raises:
        Broken: One of them is not as it should be, or it took more than MAX_CPU_S of processor time.
        Exception: Whatever a reader let out.
    """
    if not data:
        return 0
    target, content = TARGETS[data[0] % len(TARGETS)], data[1:]
    started = time.process_time()
    count = 0
    for item in _pdf(content) if target == "pdf" else _found(target, content):
        _sound(item)
        count += 1
    if (taken := time.process_time() - started) > MAX_CPU_S:
        raise Broken(f"{target} took {taken:.1f} s for {len(content):,} bytes")
    return count


def _found(target: str, content: bytes) -> Iterator[Found]:
    if target == REPLY:
        yield from _reply(content.decode(errors="replace"))
        return
    if target == ARCHIVE:
        with TemporaryDirectory() as folder:
            path = Path(folder, "any")
            path.write_bytes(content)
            for page in open_pages(path, "any", []):
                # A PDF inside is read by a process of its own, which would take the time of a hundred inputs.
                if isinstance(page, Rejection):
                    yield page
                elif not page.start.startswith(b"%PDF-"):
                    yield from read(page)
        return
    opened = open_page(lambda: io.BytesIO(content), "any", [])
    if isinstance(opened, Rejection):
        yield opened
    elif target != "auto" or not opened.start.startswith(b"%PDF-"):
        yield from read(opened, target)


def _reply(text: str) -> Iterator[Found]:
    """What each of those who read replies makes of one: values of their form, and lines that cite what was shown."""
    for form, complete in product(FORMS, (True, False)):
        try:
            value, _ = structured.read(Reply(text, "any", 0, 0, complete=complete), form)
        except NotJson as error:
            yield Rejection("any", str(error))
        else:
            if form.model_validate_json(value.model_dump_json()) != value:
                raise Broken(f"a value that is another when written and read: {value!r}")
    legible = Legible()
    shown = legible.of(text) + legible.rest()
    if seen(shown) != shown:
        raise Broken(f"what cannot be seen is shown: {shown[:200]!r}")
    for line in (write.read(raw.strip(), {1: _SHEET}, write.Dropped()) for raw in shown.splitlines()):
        if line and any(reference.sheet is not _SHEET for reference in line.references):
            raise Broken(f"a line cites what nobody gave: {line!r}")


def _pdf(content: bytes) -> Iterator[Found]:
    """What the reader's process does with a PDF, here. It may fail, which the reader tells, or be stopped."""
    stdin, stdout = sys.stdin, sys.stdout
    previous = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S / 2)
    try:
        sys.stdin, sys.stdout = io.TextIOWrapper(io.BytesIO(content)), io.StringIO()
        pdf_worker.main(limit=False)
    except (Exception, SystemExit, _Stopped):  # noqa: BLE001  (whatever ends that process)
        yield Rejection("any", "a PDF that cannot be read")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
        sys.stdin, sys.stdout = stdin, stdout


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _sound(item: Found) -> None:
    if not isinstance(item, Paper | Rejection | Warned):
        raise Broken(f"neither paper nor notice: {item!r}")
    f"{item}".encode()
    if isinstance(item, Paper):
        _sound_paper(item)
    elif _CONTROL.search(item.why) or not item.why or len(item.why) > 700:
        raise Broken(f"a reason that is no single short line: {item.why[:200]!r}")


def _sound_paper(paper: Paper) -> None:
    for text in (paper.title, paper.abstract, *paper.authors, *paper.categories):
        if not text or stored(text) != text:
            raise Broken(f"text that is not as it is stored: {text[:200]!r}")
    if len(paper.title) > MAX_TITLE_CHARS or len(paper.abstract) > MAX_ABSTRACT_CHARS or not paper.id:
        raise Broken(f"a paper out of bounds: {paper.id[:200]!r}")
    if paper.year is not None and not 1000 <= paper.year <= 2999:
        raise Broken(f"no year: {paper.year!r}")


__all__ = ["ARCHIVE", "MAX_CPU_S", "TARGETS", "Broken", "Page", "check", "encode"]
