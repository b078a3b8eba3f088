"""URL -> file, over a real server on this machine: what is kept, what is asked again, and where no redirect leads."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import ingest.fetch as fetching
from ingest import Library, Settings, ingest
from ingest.errors import FetchFailed, FetchRefused
from ingest.fetch import Fetcher, is_public, located
from ingest.files import Located, is_url
from tests.conftest import SIX
from tests.fakes import WordEncoder

PAPERS = "".join(json.dumps(record) + "\n" for record in SIX[:2]).encode()


@dataclass
class Said:
    """A response."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[dict[str, str]], Said]


class Site:
    """A web site of this machine: what each path answers, and what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, list[Said]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                answers = site.pages[self.path]
                said = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in said.headers and said.status != 304:
                    self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)
                if "Content-Length" in said.headers:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, path: str, *answers: Said) -> str:
        self.pages[path] = list(answers)
        return self.root + path


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def fetcher(tmp_path: Path, waits: list[float]) -> Fetcher:
    """It takes its waits for done."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    return Fetcher(tmp_path / "library" / "fetched", sleep, lambda: now[0])


def test_a_url_is_ingested_under_its_own_name_and_not_fetched_again_where_it_has_not_changed(
    site: Site, settings: Settings
) -> None:
    url = site.says(
        "/papers.jsonl", Said(200, PAPERS, {"ETag": '"1"', "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"})
    )
    online = settings.model_copy(update={"offline": False})
    assert ingest(url, fetch=True, settings=online, encoder=WordEncoder()).added == 2
    site.says("/papers.jsonl", Said(304))
    again = ingest([url], fetch=True, settings=online, encoder=WordEncoder(), sync=True)
    assert (again.unchanged, again.removed) == (2, 0)
    sent = site.asked[1][1]
    assert (sent["if-none-match"], sent["if-modified-since"]) == ('"1"', "Sat, 21 Nov 2026 10:00:00 GMT")
    assert sent["user-agent"].startswith("whichpapers/")
    site.says("/papers.jsonl", Said(200, PAPERS.splitlines(keepends=True)[0]))
    assert ingest(url, fetch=True, settings=online, encoder=WordEncoder(), sync=True).removed == 1
    with Library.open(settings.library, settings, WordEncoder()) as library:
        assert [source.origin for paper in library.store.every_paper() for source in paper.sources] == [url]


def test_without_fetch_or_offline_no_one_is_called(site: Site, tmp_path: Path, settings: Settings) -> None:
    url = site.says("/x", Said(200, PAPERS))
    with pytest.raises(FetchRefused, match="only where --fetch says so") as refused:
        located([url], tmp_path, allowed=False, offline=False)
    assert refused.value.exit_code == 2
    with pytest.raises(FetchRefused, match="offline"):
        ingest(url, fetch=True, settings=settings, encoder=WordEncoder())
    assert site.asked == []
    assert not settings.library.exists()


def test_only_what_has_a_scheme_is_a_url() -> None:
    assert [is_url(text) for text in ("https://a.b/c", "FTP://x", "arxiv:x", "a/b", "-", "C:\\x")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    assert not is_url(Path("https://a.b"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://127.0.0.1/x", "expected http"), ("file:///etc/passwd", "expected http"), ("http://", "expected http"),
        ("http://me:secret@127.0.0.1/", "password"), ("http://[::1", "no address"), ("http://a b/", "no address"),
        ("http://127.0.0.1:99999999/", "no address"),
    ],
)  # fmt: skip
def test_what_is_no_address_for_us_is_refused(fetcher: Fetcher, url: str, why: str) -> None:
    with pytest.raises(FetchRefused, match=why) as refused:
        fetcher.fetch(url)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_a_server_that_wants_to_be_left_alone_is(site: Site, fetcher: Fetcher, waits: list[float]) -> None:
    later = formatdate(time.time() + 30, usegmt=True)
    url = site.says(
        "/x",
        Said(429, headers={"Retry-After": "7"}),
        Said(503, headers={"Retry-After": later}),
        Said(500),
        Said(200, PAPERS),
    )
    assert fetcher.fetch(url).path.read_bytes() == PAPERS
    assert waits[0] == 7
    assert 25 < waits[1] < 31
    assert waits[2] == 4
    with pytest.raises(FetchFailed, match="the server says 429") as failed:
        fetcher.fetch(site.says("/y", Said(429, headers={"Retry-After": "86400"})))
    assert failed.value.exit_code == 1
    assert len([path for path, _ in site.asked if path == "/y"]) == 1


def test_two_requests_to_one_host_have_a_pause_between_them(site: Site, fetcher: Fetcher, waits: list[float]) -> None:
    for path in ("/a", "/b"):
        fetcher.fetch(site.says(path, Said(200, PAPERS)))
    assert waits == [fetching.PAUSE_S]


@pytest.mark.parametrize("status", [403, 404, 410, 204, 418])
def test_what_the_server_does_not_give_is_told_at_once(site: Site, fetcher: Fetcher, status: int) -> None:
    with pytest.raises(FetchRefused, match=f"the server says {status}"):
        fetcher.fetch(site.says("/x", Said(status)))
    assert len(site.asked) == 1


def test_redirects_are_followed_a_few_times_on_the_host_that_was_named(site: Site, fetcher: Fetcher) -> None:
    site.says("/c", Said(200, PAPERS))
    site.says("/b/b", Said(307, headers={"Location": "../c#part"}))
    url = site.says("/a", Said(301, headers={"Location": "/b/b"}))
    assert fetcher.fetch(url) == Located(fetcher.fetch(url).path, url)
    site.says("/loop", Said(302, headers={"Location": "/loop"}))
    with pytest.raises(FetchFailed, match="more than 5 redirects"):
        fetcher.fetch(site.root + "/loop")


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[::1", "http://a:b@127.0.0.1/"])
def test_a_redirect_to_no_address_of_the_web_is_refused(site: Site, fetcher: Fetcher, to: str) -> None:
    with pytest.raises(FetchRefused):
        fetcher.fetch(site.says("/x", Said(302, headers={"Location": to})))


def test_no_redirect_leads_into_a_private_network(
    site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`localhost` stands for any other host: its name says nothing, and its address is private."""
    port = site.server.server_port
    inside = site.says("/inside", Said(200, PAPERS)).replace("127.0.0.1", "localhost")
    with pytest.raises(FetchRefused, match="private network"):
        fetcher.fetch(site.says("/x", Said(302, headers={"Location": inside})))
    assert [path for path, _ in site.asked] == ["/x"]
    # Named by the user, it is meant.
    assert fetcher.fetch(inside).path.read_bytes() == PAPERS
    # One private address among several is one too many: which is taken would be the resolver's choice.
    look_up = socket.getaddrinfo

    def two(host: str, *rest: Any, **named: Any) -> Any:
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))
        found = look_up("127.0.0.1" if host == "two.example" else host, *rest, **named)
        return [public, *found] if host == "two.example" else found

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with pytest.raises(FetchRefused, match="private network"):
        fetcher.fetch(site.says("/y", Said(302, headers={"Location": f"http://two.example:{port}/inside"})))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("127.0.0.1", False), ("10.0.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.1", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("::", False),
        ("2606:2800:220:1::1", True), ("::ffff:127.0.0.1", False), ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False), ("64:ff9b::5db8:d822", True), ("2002:7f00:1::", False), ("ff02::1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_page_that_is_too_large_or_breaks_off_leaves_the_one_before(
    site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = site.says("/x", Said(200, PAPERS))
    kept = fetcher.fetch(url).path
    monkeypatch.setattr(fetching, "MAX_BYTES", 10_000)
    site.says("/x", Said(200, b"x" * 20_000))
    with pytest.raises(FetchRefused, match="more than 10,000 bytes"):
        fetcher.fetch(url)
    site.says("/x", Said(200, b"half", {"Content-Length": "1000"}))
    with pytest.raises(FetchFailed, match="no whole response"):
        fetcher.fetch(url)
    assert kept.read_bytes() == PAPERS


def test_nobody_there_is_a_failure_from_outside(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(FetchFailed, match="no whole response") as failed:
        fetcher.fetch(f"http://127.0.0.1:{port}/")
    assert failed.value.exit_code == 1


def test_a_packed_response_is_unpacked_within_the_bounds_of_archives(site: Site, settings: Settings) -> None:
    online = settings.model_copy(update={"offline": False})
    url = site.says("/x", Said(200, gzip.compress(PAPERS), {"Content-Encoding": "gzip"}))
    assert ingest(url, fetch=True, settings=online, encoder=WordEncoder()).works == 2
    bomb = site.says("/bomb", Said(200, gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}))
    told = ingest([url, bomb], fetch=True, settings=online, encoder=WordEncoder())
    assert [rejection.where for rejection in told.rejections] == [bomb]
