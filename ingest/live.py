"""Query -> file: papers of arXiv and Hugging Face, by their own clients, a line each, so that a broken fetch goes on.

`arxiv:QUERY` takes what https://info.arxiv.org/help/api/user-manual.html says of queries, newest papers first;
`hf:DATE` the papers of one day, `hf:WORDS` what a search finds.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from ingest.clean import stored
from ingest.errors import FetchFailed, FetchRefused, LibraryReadOnly
from ingest.files import Located

ARXIV = "https://export.arxiv.org/api/query?{}"
ARXIV_PAUSE_S = 3.0
"""What its terms of use ask for."""
ARXIV_PAGE = 100
HUGGING_FACE = "https://huggingface.co"
HUGGING_FACE_PAUSE_S = 1.0
HUGGING_FACE_PAGE = 50
HUGGING_FACE_MOST = 120
"""What one search gives at most."""
TRIES = 4
PATIENCE = 2.0
"""Seconds before a second try, doubled before each further one, where the server does not say."""
TIMEOUT_S = 60.0
MAX_WAIT_S = 120.0

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Record = Mapping[str, object]
Report = Callable[[int, int], None]
"""Called with (papers fetched, papers wanted)."""


class Source(Protocol):
    """Where records come from."""

    def __call__(self, query: str, begin: int) -> Iterator[Record]:
        """The records that `query` finds, from the one at place `begin` on."""


def fetch(source: str, most: int, folder: Path, report: Report | None = None) -> Located:
    """Fetches up to `most` papers, and goes on where an earlier fetch of the same was interrupted.

    Args:
        source: `arxiv:QUERY` or `hf:QUERY`.
        most: At least 1.
        folder: Where the file is kept.
        report: Called after every paper.

    Returns:
        A file in JSON Lines; it bears `source` as origin.

    Raises:
        FetchRefused: It is no such source, or it refuses the query.
        FetchFailed: The network or the source fails; what was fetched is kept.
        LibraryReadOnly: The file cannot be written.
    """
    name, _, query = source.partition(":")
    if name not in SOURCES or not query.strip():
        raise FetchRefused(source, f"expected one of {', '.join(f'{name}:QUERY' for name in SOURCES)}")
    place = folder / hashlib.sha256(f"{source}\n{most}".encode()).hexdigest()[:24]
    part, whole = place / "papers.part", place / "papers.jsonl"
    with _kept(folder):
        place.mkdir(parents=True, exist_ok=True)
        done = _whole_lines(part)
        with part.open("a", encoding="utf-8") as file:
            for record in islice(SOURCES[name](query.strip(), done), most - done):
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
                file.flush()
                done += 1
                if report:
                    report(done, most)
        if not done:
            part.unlink()
            raise FetchRefused(source, "it finds no paper")
        part.replace(whole)
    return Located(whole, stored(source).replace("!", "%21"))


def _whole_lines(part: Path) -> int:
    """How many records an interrupted fetch left; half a record is cut off."""
    if not part.exists():
        return 0
    content = part.read_bytes()
    kept = content[: content.rfind(b"\n") + 1]
    if kept != content:
        part.write_bytes(kept)
    return kept.count(b"\n")


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LibraryReadOnly(folder.parent, error.strerror or str(error)) from error


def _arxiv(query: str, begin: int) -> Iterator[Record]:
    import arxiv  # type: ignore[import-untyped]  # noqa: PLC0415  (no types; a tenth of a second)
    import requests  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415
    from urllib3.util import Retry  # noqa: PLC0415

    class Bounded(HTTPAdapter):
        """A request that ends, and is made again when and as often as the server asks for."""

        def send(self, *sent: Any, **options: Any) -> requests.Response:
            return super().send(*sent, **{**options, "timeout": TIMEOUT_S})

    logging.getLogger("arxiv").setLevel(logging.ERROR)
    client = arxiv.Client(page_size=ARXIV_PAGE, delay_seconds=ARXIV_PAUSE_S, num_retries=TRIES - 1)
    client.query_url_format = ARXIV
    again = Retry(
        TRIES - 1,
        status_forcelist=(429, 500, 502, 503, 504),
        backoff_factor=PATIENCE,
        raise_on_status=False,
        retry_after_max=int(MAX_WAIT_S),
    )
    for scheme in ("http://", "https://"):
        client._session.mount(scheme, Bounded(max_retries=again))  # the client has no other way to bound a request
    search = arxiv.Search(query, max_results=None, sort_by=arxiv.SortCriterion.SubmittedDate)
    try:
        for result in client.results(search, begin):
            yield _of_arxiv(result)
    except arxiv.HTTPError as error:
        kind = FetchRefused if error.status in (400, 404) else FetchFailed
        raise kind(f"arxiv:{query}", f"arXiv says {error.status}") from error
    except (arxiv.ArxivError, requests.RequestException) as error:
        raise FetchFailed(f"arxiv:{query}", f"no whole answer of arXiv ({type(error).__name__})") from error


def _of_arxiv(result: Any) -> Record:
    return {
        "title": result.title,
        "abstract": result.summary,
        "authors": [author.name for author in result.authors],
        "year": result.published.year,
        "venue": result.journal_ref,
        "categories": list(result.categories),
        "arxiv": result.get_short_id(),
        "doi": result.doi,
        "url": result.entry_id,
    }


def _hugging_face(query: str, begin: int) -> Iterator[Record]:
    pages = _hugging_face_day if _DAY.fullmatch(query) else _hugging_face_search
    for paper in islice(pages(query, begin), begin % HUGGING_FACE_PAGE if pages is _hugging_face_day else begin, None):
        yield {
            "title": paper.title,
            "abstract": paper.summary,
            "authors": [author.name for author in paper.authors or ()],
            "year": paper.published_at.year if paper.published_at else None,
            "arxiv": paper.id,
            "code": paper.github_repo,
            "url": f"https://huggingface.co/papers/{paper.id}",
        }


def _hugging_face_day(day: str, begin: int) -> Iterator[Any]:
    """The papers of a day, from the page on that holds the one at place `begin`."""
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise FetchRefused(f"hf:{day}", f"no date: {error}") from error
    number = begin // HUGGING_FACE_PAGE
    while page := _asked(f"hf:{day}", "list_daily_papers", date=day, p=number, limit=HUGGING_FACE_PAGE):
        yield from page
        if len(page) < HUGGING_FACE_PAGE:
            return
        number += 1
        time.sleep(HUGGING_FACE_PAUSE_S)


def _hugging_face_search(words: str, _begin: int) -> Iterator[Any]:
    yield from _asked(f"hf:{words}", "list_papers", query=words, limit=HUGGING_FACE_MOST)


def _asked(source: str, method: str, **query: object) -> list[Any]:
    """What Hugging Face answers, asked again when and as often as it wants."""
    import httpx  # noqa: PLC0415  (see _arxiv)
    from huggingface_hub import HfApi  # noqa: PLC0415  (half a second)
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled  # noqa: PLC0415

    client = HfApi(endpoint=HUGGING_FACE, token=False, library_name="whichpapers")
    for left in reversed(range(TRIES)):
        wait_s = PATIENCE * 2 ** (TRIES - 1 - left)
        try:
            return list(getattr(client, method)(token=False, **query))
        except OfflineModeIsEnabled as error:
            raise FetchRefused(source, "HF_HUB_OFFLINE is set, so that Hugging Face is not called") from error
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            told = error.response.headers.get("Retry-After", "") if error.response is not None else ""
            wait_s = float(told) if told.isascii() and told.isdigit() else wait_s
            if status in (400, 404, 422):
                raise FetchRefused(source, f"Hugging Face says {status}") from error
            if not left or status not in (429, 500, 502, 503, 504) or wait_s > MAX_WAIT_S:
                raise FetchFailed(source, f"Hugging Face says {status}") from error
        except (httpx.HTTPError, ValueError, TypeError, KeyError, AttributeError) as error:
            if not left:
                raise FetchFailed(source, f"no whole answer of Hugging Face ({type(error).__name__})") from error
        time.sleep(wait_s)
    raise AssertionError  # the last try returns or raises


SOURCES: Mapping[str, Source] = {"arxiv": _arxiv, "hf": _hugging_face}
