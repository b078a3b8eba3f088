"""URL -> file: fetched politely and within bounds, kept beside the library, and fetched anew only where it changed.

A redirect leads nowhere that its user could not have meant: only over http(s), a few times, never from https to http,
and to no private address but that of the host which the user named. The address that was looked at is the one that is
connected to. Variables for proxies are not read, as a proxy would look names up anew.
"""

from __future__ import annotations

import email.utils
import hashlib
import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpcore
import httpx

from ingest.errors import FetchFailed, FetchRefused, LibraryReadOnly
from ingest.files import FETCHED, Located, is_url

MAX_BYTES = 200_000_000
MAX_REDIRECTS = 5
TRIES = 4
PAUSE_S = 1.0
"""Between two requests to one host."""
PAUSES_S = {"export.arxiv.org": 3.0, "arxiv.org": 3.0}
"""What a host asks for (https://info.arxiv.org/help/api/tou.html)."""
MAX_WAIT_S = 120.0
"""A server that wants to be left alone for longer is told of instead."""
TIMEOUT_S = 30.0
"""Of connecting, and of each wait for bytes."""
DEADLINE_S = 900.0
"""Of one response as a whole."""

_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def located(
    paths: Sequence[Path | str | Located], folder: Path, *, allowed: bool, offline: bool
) -> list[Path | str | Located]:
    """`paths` with every URL fetched; its file bears the URL as origin.

    Args:
        paths: Paths and URLs.
        folder: Of the library.
        allowed: Whether URLs may be fetched at all.
        offline: Whether no other machine may be called.

    Raises:
        FetchRefused: It may not be fetched, or the server says that there is nothing for us.
        FetchFailed: The network or the server fails.
    """
    for url in filter(is_url, paths):
        if offline:
            raise FetchRefused(str(url), "offline no other machine is called; save the page and name its file")
        if not allowed:
            raise FetchRefused(str(url), "an address is fetched only where --fetch says so; or save the page")
    fetcher = Fetcher(folder / FETCHED)
    return [fetcher.fetch(path) if isinstance(path, str) and is_url(path) else path for path in paths]


@dataclass(frozen=True, slots=True)
class About:
    """What is kept with a fetched file."""

    url: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(slots=True)
class Fetcher:
    """Fetches one address after the other."""

    folder: Path
    """Where files are kept."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _last: dict[str, float] = field(default_factory=dict)
    """When each host was last asked."""

    def fetch(self, address: str) -> Located:
        """The file of an address; the one that is there where the server says that it has not changed.

        Raises:
            FetchRefused, FetchFailed: See `located`.
            LibraryReadOnly: The file cannot be kept.
        """
        url = _checked(address, address)
        place = self.folder / hashlib.sha256(str(url).encode()).hexdigest()[:24]
        page, about = place / "page", _about(place / "about.json")
        for left in reversed(range(TRIES)):
            try:
                self._get(url, page, about)
                return Located(page, str(url).replace("!", "%21"))
            except _Again as again:
                if not left or again.wait_s > MAX_WAIT_S:
                    raise FetchFailed(str(url), again.why) from again
                self.sleep(max(again.wait_s, 2.0 ** (TRIES - 1 - left)))
        raise AssertionError  # the last try returns or raises

    def _get(self, url: httpx.URL, page: Path, about: About) -> None:
        """One try, redirects followed; writes `page` unless it is still what it was."""
        asked, named = url, url.host
        for _ in range(MAX_REDIRECTS + 1):
            self._wait_turn(asked.host)
            known = about if page.is_file() else About(str(url))
            with _response(asked, named, known) as response:
                to = _header(response, b"location")
                if response.status in _MOVED and to:
                    asked = _redirected(asked, to, str(url))
                    continue
                if response.status != 304 or not page.is_file():
                    _refuse_unless_ok(response, str(url))
                    kept = About(str(url), _header(response, b"etag"), _header(response, b"last-modified"))
                    _keep(page, _bounded(response, str(url), self.clock), kept)
                return
        raise FetchFailed(str(url), f"more than {MAX_REDIRECTS} redirects")

    def _wait_turn(self, host: str) -> None:
        wait_s = self._last.get(host, -1e9) + PAUSES_S.get(host, PAUSE_S) - self.clock()
        if wait_s > 0:
            self.sleep(wait_s)
        self._last[host] = self.clock()


class _Again(Exception):
    """What may go better the next time."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        self.why, self.wait_s = why, wait_s
        super().__init__(why)


class _Network(httpcore.NetworkBackend):
    """Connects to addresses that are looked at first."""

    def __init__(self, named: str) -> None:
        self._named, self._sockets = named, httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *settings: Any, **options: Any
    ) -> httpcore.NetworkStream:
        """Connects to the first address of `host` that answers, if every one may be called."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"no such host: {host}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if host != self._named and not all(map(is_public, addresses)):
            raise FetchRefused(host, "a redirect leads into a private network")
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._sockets.connect_tcp(address, port, timeout, *settings, **options)
        return self._sockets.connect_tcp(addresses[-1], port, timeout, *settings, **options)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the whole internet's, also where it stands within an IPv6 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        within = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in _NAT64:
            within = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if within is not None:
            return is_public(str(within))
    return ip.is_global and not ip.is_multicast


def _checked(address: str, told: str) -> httpx.URL:
    """An address in its normal form, without what is never sent.

    Raises:
        FetchRefused: It is none that is fetched.
    """
    try:
        url = httpx.URL(address).copy_with(fragment=None)
        if " " in address or not 0 < (url.port or 80) < 65_536:
            raise httpx.InvalidURL("a blank in it, or a port that there is not")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise FetchRefused(told, f"no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise FetchRefused(told, f"an address of {url.scheme!r}; expected http:// or https://")
    if url.userinfo:
        raise FetchRefused(told, "an address with a user name or password; expected one without")
    return url


def _redirected(asked: httpx.URL, to: str, told: str) -> httpx.URL:
    try:
        url = _checked(str(asked.join(to)), told)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchRefused(told, "a redirect to what is no address") from error
    if asked.scheme == "https" and url.scheme == "http":
        raise FetchRefused(told, "a redirect from https to http")
    return url


@contextmanager
def _response(url: httpx.URL, named: str, known: About) -> Iterator[httpcore.Response]:
    """What the server answers; the body is not read yet."""
    headers = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": f"whichpapers/{version('whichpapers')} (fetches what its user names)",
        "Accept-Encoding": "gzip",  # kept packed: `archives` unpacks it, within its bounds
        "If-None-Match": known.etag,
        "If-Modified-Since": known.last_modified,
    }
    sent = [(name, value) for name, value in headers.items() if value]
    limits = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
    certificates = _certificates() if url.scheme == "https" else None
    try:
        with (
            httpcore.ConnectionPool(ssl_context=certificates, network_backend=_Network(named)) as pool,
            pool.stream("GET", str(url), headers=sent, extensions={"timeout": limits}) as response,
        ):
            yield response
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise _Again(f"no whole response ({type(error).__name__}: {error})".replace("\n", " ")) from error


def _refuse_unless_ok(response: httpcore.Response, url: str) -> None:
    if response.status in _AGAIN:
        raise _Again(f"the server says {response.status}", _retry_after_s(_header(response, b"retry-after")))
    if response.status != 200:
        raise FetchRefused(url, f"the server says {response.status}")


def _retry_after_s(value: str | None) -> float:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3): a number of them, or a date."""
    if not value:
        return 0.0
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _bounded(response: httpcore.Response, url: str, clock: Callable[[], float]) -> Iterator[bytes]:
    seen, ends = 0, clock() + DEADLINE_S
    for piece in response.iter_stream():
        seen += len(piece)
        if seen > MAX_BYTES:
            raise FetchRefused(url, f"more than {MAX_BYTES:,} bytes; fetch it by other means and name the file")
        if clock() > ends:
            raise FetchFailed(url, f"not there after {DEADLINE_S:.0f} s")
        yield piece


def _keep(page: Path, pieces: Iterable[bytes], about: About) -> None:
    """Writes a file and what is to be known of it: whole, or not at all."""
    aside = page.with_name("page.part")
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.writelines(pieces)
        page.with_name("about.json").unlink(missing_ok=True)
        aside.replace(page)
        page.with_name("about.json").write_text(json.dumps(asdict(about)), "utf-8")
    except OSError as error:
        raise LibraryReadOnly(page.parents[2], error.strerror or str(error)) from error


def _about(path: Path) -> About:
    try:
        told: Mapping[str, str | None] = json.loads(path.read_text("utf-8"))
        return About(str(told["url"]), told["etag"], told["last_modified"])
    except (OSError, ValueError, KeyError, TypeError):
        return About("")


def _header(response: httpcore.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


@cache
def _certificates() -> Any:
    return httpx.create_ssl_context()
