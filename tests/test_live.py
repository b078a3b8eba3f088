"""Live sources, replayed: arXiv and Hugging Face as their documentation says that they answer.

Nothing here was recorded live: the responses are the samples in tests/sources, cut into pages by the rules of
https://info.arxiv.org/help/api/user-manual.html and of the clients' own requests, and served on this machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ingest import Library, Settings, ingest, live
from ingest.errors import FetchFailed, FetchRefused
from ingest.live import fetch
from tests.fakes import WordEncoder
from tests.processes import with_fake_encoder
from tests.test_fetch import Said, Site
from tests.test_source_samples import SOURCES, TITLES

QUERY = "all:order AND cat:cs.LG"
FEED = (SOURCES / "arxiv_atom.xml").read_text("utf-8")
ENTRIES = re.findall(r"  <entry>.*?</entry>\n", FEED, re.DOTALL)
DAILY = json.loads((SOURCES / "hugging_face_api.json").read_text("utf-8"))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(live, "ARXIV", made.root + "/api/query?{}")
    monkeypatch.setattr(live, "HUGGING_FACE", made.root)
    for name in ("ARXIV_PAGE", "HUGGING_FACE_PAGE"):
        monkeypatch.setattr(live, name, 2)
    for name in ("ARXIV_PAUSE_S", "HUGGING_FACE_PAUSE_S"):
        monkeypatch.setattr(live, name, 0.0)
    monkeypatch.setattr(live, "PATIENCE", 0.0)
    yield made
    made.server.shutdown()
    made.server.server_close()


def arxiv_page(start: int) -> str:
    """The path of a page of results, as the client asks for it."""
    asked = {"search_query": QUERY, "id_list": "", "sortBy": "submittedDate", "sortOrder": "descending"}
    return "/api/query?" + urlencode(asked | {"start": str(start), "max_results": "2"})


def arxiv_says(site: Site, start: int, *before: Said) -> None:
    head = FEED[: FEED.index("  <entry>")]
    body = head + "".join(ENTRIES[start : start + 2]) + "</feed>\n"
    site.says(arxiv_page(start), *before, Said(200, body.encode(), {"Content-Type": "application/atom+xml"}))


def hugging_face_says(site: Site, path: str, papers: list[object], *before: Said) -> None:
    site.says(path, *before, Said(200, json.dumps(papers).encode(), {"Content-Type": "application/json"}))


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_arxiv_is_read_page_by_page_and_its_papers_are_what_the_feed_reader_makes_of_them(
    site: Site, tmp_path: Path, settings: Settings
) -> None:
    arxiv_says(site, 0)
    arxiv_says(site, 2)
    found = fetch(f"arxiv:{QUERY}", 500, tmp_path / "fetched")
    assert found.origin == f"arxiv:{QUERY}"
    assert [record["title"] for record in records(found.path)] == TITLES
    ingest([found], settings=settings, encoder=WordEncoder())
    feed = settings.model_copy(update={"library": tmp_path / "feed"})
    ingest(SOURCES / "arxiv_atom.xml", settings=feed, encoder=WordEncoder())
    told = []
    for each in (settings, feed):
        with Library.open(each.library, each, WordEncoder()) as library:
            papers = sorted(library.store.every_paper(), key=lambda paper: paper.id)
            told.append([(p.id, p.title, p.abstract, p.authors, p.year, p.venue, p.doi, p.categories) for p in papers])
    assert told[0] == told[1]


def test_no_more_are_fetched_than_are_wanted(site: Site, tmp_path: Path) -> None:
    arxiv_says(site, 0)
    assert len(records(fetch(f"arxiv:{QUERY}", 1, tmp_path).path)) == 1
    assert len(site.asked) == 1


def test_a_fetch_that_broke_off_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    arxiv_says(site, 0)
    site.says(arxiv_page(2), Said(500))
    with pytest.raises(FetchFailed, match="arXiv says 500") as failed:
        fetch(f"arxiv:{QUERY}", 500, tmp_path)
    assert failed.value.exit_code == 1
    (part,) = tmp_path.rglob("papers.part")
    with part.open("a") as file:
        file.write('{"title": "half a rec')
    site.asked.clear()
    arxiv_says(site, 2)
    assert [record["title"] for record in records(fetch(f"arxiv:{QUERY}", 500, tmp_path).path)] == TITLES
    assert [path for path, _ in site.asked] == [arxiv_page(2)]


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    arxiv_says(site, 0, Said(503, headers={"Retry-After": "0"}))
    arxiv_says(site, 2, Said(429, headers={"Retry-After": "0"}))
    assert len(records(fetch(f"arxiv:{QUERY}", 500, tmp_path).path)) == 3
    day = "/api/daily_papers?p=0&limit=2&date=2024-05-01"
    hugging_face_says(site, day, DAILY[:1], Said(429, headers={"Retry-After": "0"}), Said(502))
    assert len(records(fetch("hf:2024-05-01", 500, tmp_path).path)) == 1


def test_a_day_of_hugging_face_is_read_page_by_page(site: Site, tmp_path: Path) -> None:
    hugging_face_says(site, "/api/daily_papers?p=0&limit=2&date=2024-05-01", DAILY)
    hugging_face_says(site, "/api/daily_papers?p=1&limit=2&date=2024-05-01", [])
    found = records(fetch("hf:2024-05-01", 500, tmp_path).path)
    assert [(record["title"], record["arxiv"], record["year"]) for record in found] == [
        (TITLES[0], "2101.00001", 2021),
        (TITLES[1], "1907.01234", 2019),
    ]
    assert found[0]["url"] == "https://huggingface.co/papers/2101.00001"
    assert found[0]["authors"] == ["Ada Example", "Bo Sample Jr"]
    assert {"authorization", "cookie"}.isdisjoint(site.asked[0][1])


def test_a_search_of_hugging_face_is_one_request(site: Site, tmp_path: Path) -> None:
    hugging_face_says(site, "/api/papers/search?q=order+matters&limit=120", DAILY)
    assert len(records(fetch("hf:order matters", 500, tmp_path).path)) == 2
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("source", "why"),
    [("arxiv:", "one of"), ("xiv:all:a", "one of"), ("words", "one of"), ("hf:2024-13-01", "no date")],
)  # fmt: skip
def test_what_is_no_source_is_refused(source: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(FetchRefused, match=why) as refused:
        fetch(source, 5, tmp_path)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("source", [f"arxiv:{QUERY}", "hf:nothing"])
def test_nothing_found_is_a_clear_line(site: Site, tmp_path: Path, source: str) -> None:
    empty = FEED[: FEED.index("  <entry>")].replace(">3</opensearch", ">0</opensearch") + "</feed>"
    site.says(arxiv_page(0), Said(200, empty.encode()))
    hugging_face_says(site, "/api/papers/search?q=nothing&limit=120", [])
    with pytest.raises(FetchRefused, match="it finds no paper"):
        fetch(source, 5, tmp_path)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'[{"paper": 1}]', b"[1]"])
def test_an_answer_of_another_form_is_a_failure_from_outside(site: Site, tmp_path: Path, body: bytes) -> None:
    site.says("/api/papers/search?q=odd&limit=120", Said(200, body))
    with pytest.raises((FetchFailed, FetchRefused)) as failed:
        fetch("hf:odd", 5, tmp_path)
    assert "\n" not in str(failed.value)


def test_offline_the_command_calls_nobody(tmp_path: Path) -> None:
    ended = with_fake_encoder("fetch", "arxiv:all:owls", "--offline", "--library", tmp_path / "library")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "offline no other machine is called" in ended.err
