"""Exception -> response: one line as JSON, under the status that says who can mend it. No path, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from assistant.errors import AssistantError
from assistant.llm.records import ChatFailed
from assistant.serve.errors import Full, Late, NoSuchModel, PriceNotAccepted
from ingest.errors import BadFilter, IngestError, UnknownPaper

RETRY_AFTER_S = 5
DIALECT = "/v1/"
"""Below it, errors have the form that OpenAI's clients read."""

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (PriceNotAccepted, 402),
    (UnknownPaper, 404),
    (NoSuchModel, 404),
    (BadFilter, 422),
    (ChatFailed, 502),
    (Full, 503),
    (Late, 504),
    (IngestError, 500),
    (AssistantError, 422),
)
"""The first that fits."""
BROKEN = "this server cannot answer just now; its own log says why"


class Told(BaseModel):
    """What went wrong, in one line; with status 402 also the price."""

    model_config = ConfigDict(extra="allow")

    error: str


class Fault(BaseModel):
    """What went wrong, as OpenAI's clients read it."""

    model_config = ConfigDict(extra="allow")

    message: str
    type: str


class ToldInDialect(BaseModel):
    """An error as OpenAI's clients read it."""

    error: Fault


_MEANING = {
    400: "The body is no JSON.",
    401: "The key is missing or wrong.",
    402: "An exhaustive answer costs what `price` tells; send `accept_price` to have it.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    421: "The server is not called by its own name.",
    422: "An argument cannot be used.",
    500: "The server or its library is broken.",
    502: "The language model failed, and mode `llm` wants no other answer.",
    503: "Too many wait; `Retry-After` says when to ask again.",
    504: "The answer took too long and was given up.",
}


def responses(path: str) -> dict[int | str, dict[str, Any]]:
    """The errors of the endpoint at `path`, for the OpenAPI page."""
    form = ToldInDialect if path.startswith(DIALECT) else Told
    return {status: {"model": form, "description": meaning} for status, meaning in _MEANING.items()}


class Problem(Exception):
    """A response that is an error."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None, **more: object) -> None:
        """A response.

        Args:
            status: HTTP's.
            error: One line, for people.
            headers: Of the response.
            more: Beside `error`.
        """
        super().__init__(error)
        self.status, self.error, self.headers, self.more = status, error, headers, more

    @classmethod
    def of(cls, error: Exception) -> Problem:
        """What a client is told of `error`."""
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        if status == 500:
            print(f"whichpapers serve: {error}", file=sys.stderr)  # it may tell paths, which are nobody else's business
            return cls(status, BROKEN)
        headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else None
        more = {"price": asdict(error.price)} if isinstance(error, PriceNotAccepted) else {}
        return cls(status, " ".join(str(error).split()), headers, **more)

    def told(self, path: str) -> dict[str, object]:
        """The body, in the form for `path`."""
        if not path.startswith(DIALECT):
            return {"error": self.error, **self.more}
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.error, "type": kind, "param": None, "code": self.status, **self.more}}

    def response(self, path: str) -> Response:
        """The response to a request for `path`."""
        return JSONResponse(self.told(path), self.status, self.headers)


def tell_problems(app: FastAPI) -> None:
    """Has `app` turn whatever is raised into a response."""

    async def known(request: Request, error: Exception) -> Response:
        return Problem.of(error).response(request.url.path)

    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _invalid(error).response(request.url.path)

    async def plain(request: Request, error: HTTPException) -> Response:
        lines = {
            404: "there is nothing here",
            405: f"{request.method} is not for this endpoint",
            400: "the body is no JSON",
        }
        line = f"{lines.get(error.status_code, error.detail)}; / lists the endpoints and what they take"
        return Problem(error.status_code, line, error.headers).response(request.url.path)

    async def unforeseen(request: Request, _: Exception) -> Response:
        # The log gets the traceback, and the connection is closed after this.
        return Problem(500, BROKEN, {"connection": "close"}).response(request.url.path)

    app.add_exception_handler(AssistantError, known)
    app.add_exception_handler(IngestError, known)
    app.add_exception_handler(RequestValidationError, invalid)  # type: ignore[arg-type]  # it gets no other
    app.add_exception_handler(HTTPException, plain)  # type: ignore[arg-type]  # it gets no other
    app.add_exception_handler(Exception, unforeseen)


def _invalid(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Problem(400, f"the body is no JSON: {first['ctx']['error']} at character {first['loc'][-1] + 1}")
    place = ".".join(str(part) for part in first["loc"][1:])
    if not place:
        return Problem(422, "expected a JSON object as the body, with the header Content-Type: application/json")
    return Problem(422, f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}")
