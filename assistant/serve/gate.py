"""Request -> request that may pass: to a name that is ours, with the key, of bounded size, and still waited for."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.serve.problems import Problem
from assistant.show.guard import host_of

MAX_BODY_BYTES = 1024 * 1024
MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""Of a saved answer, which holds what it quotes."""
BODY_S = 30.0
"""Most seconds until a request's body is there."""

_HEADERS = {
    b"content-security-policy": b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    b" frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""Of every response: it is for who asked, and a browser does nothing with it."""


class Gate:
    """An ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, key: str | None = None, hosts: Collection[str] = ()) -> None:
        """Stands before `app`.

        Args:
            app: What is guarded.
            key: What each request must bring as `Authorization: Bearer KEY`; None for nothing.
            hosts: Names under which it may be called, without port; none means any. A web page elsewhere that has its
                own name lead to this machine is refused by it.
        """
        self._app, self._hosts = app, hosts
        self._key = key.encode() if key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = _adding_headers(send)
        try:
            self._check(Headers(scope=scope))
            body = await _body(receive, MAX_ANSWER_BYTES if scope["path"] == "/verify" else MAX_BODY_BYTES)
        except Problem as problem:
            await problem.response(scope["path"])(scope, receive, sending)
        else:
            await _while_waited_for(self._app, scope, body, (receive, sending))

    def _check(self, headers: Headers) -> None:
        if self._hosts and host_of(headers.get("host", "").encode("latin-1")) not in self._hosts:
            raise Problem(421, "this name is not served here; call it by the address that the server told")
        scheme, _, token = headers.get("authorization", "").encode("latin-1").partition(b" ")
        if self._key and not (scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._key)):
            raise Problem(401, "send the key of this server: Authorization: Bearer KEY", {"www-authenticate": "Bearer"})


async def _body(receive: Receive, most: int) -> bytes:
    """The whole body, if it comes in time and is no larger than it may be."""
    pieces, size, more = [], 0, True
    try:
        async with asyncio.timeout(BODY_S):
            while more:
                message = await receive()
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > most:
                    raise Problem(413, f"the request has more than {most:,} bytes", {"connection": "close"})
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(408, f"the request was not there after {BODY_S:g} seconds", {"connection": "close"}) from None
    return b"".join(pieces)


async def _while_waited_for(app: ASGIApp, scope: Scope, body: bytes, ends: tuple[Receive, Send]) -> None:
    """Lets `app` respond, and ends it when the client has gone."""
    receive, send = ends
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    never = asyncio.Event()

    async def replayed() -> Message:
        if not given:
            await never.wait()  # only a disconnect would come, and that ends `app` altogether
        return given.pop()

    response = asyncio.ensure_future(app(scope, replayed, send))
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({response, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not response.done():
            response.cancel()
        await asyncio.gather(response, gone, return_exceptions=True)
    if not response.cancelled():
        response.result()


def _adding_headers(send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS.items()]}
        await send(message)

    return adding
