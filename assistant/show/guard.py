"""Request -> Response: what every response forbids the browser, and which requests get none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 256 * 1024
"""Of a request that uploads nothing."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")

CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'none'; object-src 'none'; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
)
"""Whatever text a paper smuggles in, the browser fetches nothing from another host."""

_HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """An ASGI middleware: refuses foreign names, other sites' requests and large bodies; adds headers to responses."""

    def __init__(self, app: Application, hosts: Collection[str] = ()) -> None:
        """Stands before `app`.

        Args:
            app: What is guarded.
            hosts: Names under which it may be called, without port; none means any. A page elsewhere that has its
                own name lead to this machine is refused by it.
        """
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handles a request, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._hosts and host_of(headers.get(b"host", b"")) not in self._hosts:
            await _refuse(send, 421, "this name is not served here")
        elif _is_from_elsewhere(scope["method"], headers):
            await _refuse(send, 403, "a page elsewhere may lead here, and do nothing here")
        elif _is_upload(scope["path"]):
            await self._app(scope, receive, _adding_headers(send))
        elif _length(headers) > MAX_BODY_BYTES:
            await _refuse(send, 413, "the request is too large")
        else:
            await self._app(scope, _bounded(receive), _adding_headers(send))


def host_of(header: bytes) -> str:
    """A Host header's name, without port and brackets."""
    name = header.decode("latin-1").lower()
    return name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]


def _is_from_elsewhere(method: str, headers: MutableMapping[bytes, bytes]) -> bool:
    """Whether a browser says that another site's page sends this, and not as a link that was followed.

    See https://www.w3.org/TR/fetch-metadata/; other programs send no such headers, and a proxy leaves them as they are.
    """
    followed = method == "GET" and headers.get(b"sec-fetch-mode") == b"navigate"
    return headers.get(b"sec-fetch-site") == b"cross-site" and not followed


def _is_upload(path: str) -> bool:
    return path.rstrip("/").endswith("/gradio_api/upload")


def _length(headers: MutableMapping[bytes, bytes]) -> int:
    told = headers.get(b"content-length", b"0")
    return int(told) if told.isdigit() else 0


def _bounded(receive: Receive) -> Receive:
    """`receive`, ending the request once it has brought more than its headers told."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > MAX_BODY_BYTES else message

    return bounded


def _adding_headers(send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        await send(message)

    return adding


async def _refuse(send: Send, status: int, why: str) -> None:
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    await _adding_headers(send)(start)
    await send({"type": "http.response.body", "body": why.encode()})
