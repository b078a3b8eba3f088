"""HTTP request -> response: the network below the client of a language model, within a deadline and a bound of bytes.

The usual time-outs bound each wait, so a server that drips a byte a second holds a caller for ever. Here every wait,
looking up the name and connecting included, ends at one deadline. A pool lives as long as its deadline: one exchange.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import httpcore
import httpx

MAX_BYTES = 8_000_000
"""Of a response's body: some twenty times the longest reply that is ever asked for, streamed."""


class TooLarge(httpx.TransportError):
    """The response is longer than MAX_BYTES."""


class Compressed(httpx.TransportError):
    """The response is compressed, which was not asked for: a few bytes can unfold to any number."""


class Deadline:
    """A moment on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        """The moment `seconds` from now."""
        self._ends = time.monotonic() + seconds

    def left_s(self) -> float:
        """Seconds until then; 0 when it is past."""
        return max(0.0, self._ends - time.monotonic())


class Wire(httpx.BaseTransport):
    """A transport for one exchange. Environment variables for proxies do not reach it."""

    def __init__(self, deadline: Deadline) -> None:
        """A transport that gives up at `deadline`."""
        self._deadline = deadline

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.BaseTransport`.

        Raises:
            httpx.TimeoutException: The deadline has come.
            httpx.ConnectError: Nobody answers there.
            httpx.TransportError: The connection broke, or the response cannot be taken.
        """
        secure = request.url.scheme == "https"
        pool = httpcore.ConnectionPool(
            ssl_context=_certificates() if secure else None, network_backend=_Network(self._deadline)
        )
        request.headers["Accept-Encoding"] = "identity"
        address = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path),
            headers=request.headers.raw,
            content=cast(Iterable[bytes], request.stream),
            extensions=request.extensions,
        )
        with _as_httpx():
            response = pool.handle_request(sent)
        body = _Body(response, pool)
        headers = httpx.Headers(response.headers)
        if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            body.close()
            raise Compressed("a compressed response")
        return httpx.Response(response.status, headers=headers, stream=body)


class _Body(httpx.SyncByteStream):
    """A response's bytes, as far as they are let in."""

    def __init__(self, response: httpcore.Response, pool: httpcore.ConnectionPool) -> None:
        self._response, self._pool = response, pool

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        with _as_httpx():
            for piece in cast(Iterable[bytes], self._response.stream):
                seen += len(piece)
                if seen > MAX_BYTES:
                    raise TooLarge(f"more than {MAX_BYTES:,} bytes")
                yield piece

    def close(self) -> None:
        self._response.close()
        self._pool.close()


class _Network(httpcore.NetworkBackend):
    """Connects, and keeps to the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline, self._sockets = deadline, httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *settings: Any, **options: Any
    ) -> httpcore.NetworkStream:
        """Connects in a thread of its own: nothing else ends the look-up of a name in time."""
        made: list[httpcore.NetworkStream] = []
        failed: list[Exception] = []
        ended = threading.Event()

        def connect() -> None:
            try:
                stream = self._sockets.connect_tcp(host, port, _limit(self._deadline, timeout), *settings, **options)
                made.append(stream)
                if not self._deadline.left_s():
                    stream.close()
            except (httpcore.NetworkError, httpcore.TimeoutException, ValueError) as error:
                failed.append(error)
            finally:
                ended.set()

        threading.Thread(target=connect, daemon=True).start()
        if not ended.wait(self._deadline.left_s()) or not self._deadline.left_s():
            for stream in made:  # before the deadline, and seen after it
                stream.close()
            raise httpcore.ConnectTimeout("the deadline has come")
        if not made:
            raise failed[0] if failed and not isinstance(failed[0], ValueError) else httpcore.ConnectError("no address")
        return _Stream(made[0], self._deadline)


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _limit(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _limit(self._deadline, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _limit(self._deadline, timeout))
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _limit(deadline: Deadline, timeout: float | None) -> float:
    left = deadline.left_s()
    if not left:
        raise httpcore.ReadTimeout("the deadline has come")
    return left if timeout is None else min(left, timeout)


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error)) from error
    except httpcore.ConnectError as error:
        raise httpx.ConnectError(str(error)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise httpx.ReadError(str(error)) from error
