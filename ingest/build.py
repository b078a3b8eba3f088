"""Paths -> library: every page read, every entry stored once, both indexes brought up to date."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ingest.change import Visit
from ingest.encode import Encoder
from ingest.errors import NothingReadable, RecordsRejected
from ingest.files import Given, Located, find, is_url, open_pages, spooled
from ingest.fold import Seen
from ingest.kept import MakeStore
from ingest.library import Library
from ingest.project import Progress
from ingest.read import check_format, read
from ingest.records import IngestReport, Page, Paper, Rejection, Warned
from ingest.settings import Settings, read_settings

SAMPLE = Path(__file__).with_name("sample")
"""The sample library's texts: digests of 595 abstracts, written for this project."""


def ingest(  # noqa: PLR0913 (a contract: every option by name)
    paths: Sequence[Path | str | Located] | Path | str,
    library: Path | str | None = None,
    *,
    page_format: str = "auto",
    strict: bool = False,
    sync: bool = False,
    columns: Mapping[str, str] | None = None,
    fetch: bool = False,
    settings: Settings | None = None,
    encoder: Encoder | None = None,
    vectors: MakeStore | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Reads papers into a library, making it if there is none. Reading the same again changes nothing.

    Args:
        paths: Files, archives and folders to read, and patterns of them; "-" is standard input. With `fetch`, URLs too.
        library: The library's folder; by default the one that `settings` name.
        page_format: A reader's name (`read.FORMATS`), or "auto" to go by each page's content.
        strict: Raise at the end if anything was rejected; what could be read is stored all the same.
        sync: Remove what the sources read here held before and hold no longer.
        columns: What a table or JSON calls our fields, where that cannot be guessed: {"title": "Name"}.
        fetch: Whether URLs may be fetched; what they gave is kept beside the library.
        settings: By default made from the environment.
        encoder: Used instead of the one that `settings` name.
        vectors: Opens the store of vectors that is used instead of the one that `settings` name.
        progress: Called with (papers done, papers to do) while vectors are made.

    Raises:
        SourceMissing: A path does not exist.
        FetchRefused: A URL may not be fetched, or there is nothing at it; FetchFailed: the network failed.
        NothingReadable: No paper was found; the library is as it was.
        RecordsRejected: Under `strict`.
        IngestError: See `Library.open_to_write`.
    """
    started = time.monotonic()
    settings = settings or read_settings({})
    folder = Path(library or settings.library)
    wanted = [paths] if isinstance(paths, Path | str) else paths
    if any(map(is_url, wanted)):
        from ingest.fetch import located  # noqa: PLC0415  (a tenth of a second, which reading files should not take)

        wanted = located(wanted, folder, allowed=fetch, offline=settings.offline)
    with spooled(wanted) as given:
        sources = Sources(given, page_format, columns)
        sources.require_a_paper()
        with Library.open_to_write(folder, settings, encoder, vectors=vectors) as target:
            seen: Seen = Counter()
            outcomes = target.add(sources.papers(), seen)
            removed = target.visited(sources.visit(seen), sync=sync)
            target.catch_up(progress)
            report = IngestReport(
                read=outcomes.total() + len(sources.rejections),
                works=len(target),
                **{name: outcomes[name] for name in ("added", "updated", "unchanged", "merged", "left_out")},
                rejected=len(sources.rejections),
                rejections=tuple(sources.rejections),
                warnings=tuple(sources.warnings),
                removed=removed,
                seconds=round(time.monotonic() - started, 3),
            )
            target.log(report)
    if strict and report.rejections:
        raise RecordsRejected(report.rejections)
    return report


class Sources:
    """The papers of some paths, read lazily, and what was found there that is none."""

    def __init__(self, paths: Sequence[Given], page_format: str, columns: Mapping[str, str] | None = None) -> None:
        check_format(page_format)
        self._given, self._format, self._columns = paths, page_format, columns or {}
        self._files = find(paths)
        self.rejections: list[Rejection] = []
        self.warnings: list[Warned] = []
        self._visited: dict[str, Path] = {}

    def require_a_paper(self) -> None:
        """Reads as far as the first paper, and raises NothingReadable if there is none."""
        if next(self.papers(), None) is None:
            named = (given.origin if isinstance(given, Located) else str(given) for given in self._given)
            raise NothingReadable(", ".join(named), tuple(self.rejections))

    def papers(self) -> Iterator[Paper]:
        """Yields every paper, in a stable order; rejections and warnings are complete when it ends."""
        self.rejections.clear()
        self.warnings.clear()
        self._visited.clear()
        for path, origin in self._files:
            for page in open_pages(path, origin, self.warnings, self._columns):
                if isinstance(page, Page):
                    self._visited[page.origin] = path
                for found in [page] if isinstance(page, Rejection) else read(page, self._format):
                    if isinstance(found, Paper):
                        yield found
                    elif isinstance(found, Rejection):
                        self.rejections.append(found)
                    else:
                        self.warnings.append(found)

    def visit(self, seen: Seen) -> Visit:
        """What was looked at, once `papers` has ended."""
        folders = [path.resolve() for path in self._given if isinstance(path, Path) and path.is_dir()]
        unread = frozenset(rejection.where for rejection in self.rejections)
        return Visit(dict(self._visited), folders, unread, seen)
