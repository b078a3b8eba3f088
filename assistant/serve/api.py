"""Request -> Response: each endpoint a call of `Assistant`, and what it gives as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, cast

from fastapi import Body, Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.responses import HTMLResponse, JSONResponse, Response

from assistant.assistant import Assistant
from assistant.records import Answer, Event
from assistant.serve import completions
from assistant.serve.completions import DONE, Completion
from assistant.serve.errors import PriceNotAccepted
from assistant.serve.events import EventStream, streaming, told
from assistant.serve.forms import Asked, Choice, Completing, Health, Hit, Sought, Tabulated
from assistant.serve.line import Line
from assistant.serve.page import page
from assistant.serve.problems import responses, tell_problems
from assistant.table import Table, parse_columns
from assistant.verify import Verification, verify
from ingest import Paper
from ingest.errors import UnknownPaper

STREAM = {
    "content": {
        EventStream.media_type: {
            "schema": {
                "type": "object",
                "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
                "required": ["data"],
            }
        }
    }
}
"""For the OpenAPI page: what each event is."""


@dataclass(frozen=True, slots=True)
class Api:
    """The endpoints over one library."""

    assistant: Assistant
    line: Line

    async def ask(self, form: Asked) -> Response:
        """Answer a question with every paper that satisfies it, each with the sentence that says so."""
        return JSONResponse((await self._answer(form)).to_dict())

    async def ask_stream(self, form: Asked) -> Response:
        """Answer a question step by step: events `stage`, `token`, at last `answer`, or `error`.

        The text of the answer is what counts: tokens shown before may turn out unsupported, and are then not in it.
        """
        return await streaming(self.line.each(partial(self._events, form)), told, "/ask/stream")

    async def search(self, form: Sought) -> Response:
        """Rank papers for a query, without judging them."""
        hits = await self.line.last(lambda: iter([self.assistant.search(form.query, form.k, form.where)]))
        return JSONResponse([hit.to_dict() for hit in hits])

    async def table(self, form: Tabulated) -> Response:
        """Answer a question with a table: a row a paper, and behind each cell the sentence that states it."""

        def made() -> Iterator[Table]:
            columns = parse_columns(", ".join(form.columns))
            self._agree(form)
            yield self.assistant.table(form.question, columns, **form.options)

        return JSONResponse(asdict(await self.line.last(made)))

    async def paper(self, paper_id: str) -> Response:
        """A paper of the library, with its whole abstract."""
        found = await self.line.last(lambda: iter([self.assistant.library.papers([paper_id])]))
        if not found:
            raise UnknownPaper(paper_id)
        return JSONResponse(asdict(found[0]))

    async def verify(
        self, saved: Annotated[dict[str, Any], Body(description="An answer as `/ask` gave it.")]
    ) -> Response:
        """Prove a saved answer again: every marker, every quote, every text; no problems means that all holds."""

        def verified() -> Iterator[Verification]:
            yield verify(Answer.from_dict(saved), self.assistant.library)

        return JSONResponse(asdict(await self.line.last(verified)))

    def health(self) -> Response:
        """Whether the library can be asked, how many papers it has, and which language model is set."""
        library, settings = self.assistant.library, self.assistant.settings
        return JSONResponse({"status": "ok", "papers": len(library), "model": settings.model})

    async def models(self) -> Response:
        """What a chat program can choose from; see `docs/http.md`."""
        return JSONResponse(completions.models())

    async def model(self, name: str) -> Response:
        """One of the models."""
        return JSONResponse(completions.model(name))

    async def complete(self, form: Completing) -> Response:
        """Answer a chat's last message as OpenAI's chat completions do; the field `whichpapers` holds the Answer."""
        asked, completion = completions.question(form), Completion.begin(form.model)
        if not form.stream:
            return JSONResponse(completion.whole(await self._answer(asked) if asked else None))
        usage = bool(form.stream_options and form.stream_options.include_usage)
        if asked is None:
            return Response(completion.end(None, usage=usage) + DONE, media_type=EventStream.media_type)
        return await streaming(
            self.line.each(partial(self._events, asked)), partial(completion.told, usage=usage), "/v1/", DONE
        )

    async def _answer(self, form: Asked) -> Answer:
        return cast(Answer, await self.line.last(partial(self._events, form)))

    def _events(self, form: Asked) -> Iterator[Event]:
        self._agree(form)
        yield from self.assistant.stream(form.question, form.turns, **form.options)

    def _agree(self, form: Choice) -> None:
        if form.depth == "exhaustive" and not form.accept_price:
            price = self.assistant.price(**form.options)
            if price.calls:
                raise PriceNotAccepted(price)


def application(assistant: Assistant, line: Line, *, keyed: bool) -> FastAPI:
    """All endpoints, and a page that tells of them.

    Args:
        assistant: Of the library that is served.
        line: Where requests wait.
        keyed: Whether requests need a key, for that page; `Gate` checks it.
    """
    app = FastAPI(
        title="whichpapers",
        description="Ask a library of abstracts which papers do what, and get each with the sentence that proves it.",
        version=version("whichpapers"),
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        dependencies=[Depends(HTTPBearer(auto_error=False))] if keyed else [],
    )
    for method, path, endpoint, gives in _endpoints(Api(assistant, line)):
        known = {200: gives, **responses(path)}
        app.add_api_route(path, endpoint, methods=[method], response_model=None, responses=known)
    app.get("/", include_in_schema=False)(lambda: HTMLResponse(page(app.openapi())))
    tell_problems(app)
    return app


def _endpoints(api: Api) -> Iterator[tuple[str, str, Callable[..., Any], dict[str, Any]]]:
    """Each endpoint's method and path, what answers it, and what it gives."""
    yield "POST", "/ask", api.ask, {"model": Answer}
    yield "POST", "/ask/stream", api.ask_stream, STREAM
    yield "POST", "/search", api.search, {"model": list[Hit]}
    yield "POST", "/table", api.table, {"model": Table}
    yield "POST", "/verify", api.verify, {"model": Verification}
    yield "GET", "/papers/{paper_id:path}", api.paper, {"model": Paper}
    yield "GET", "/health", api.health, {"model": Health}
    yield "GET", "/v1/models", api.models, {"model": dict[str, Any]}
    yield "GET", "/v1/models/{name}", api.model, {"model": dict[str, Any]}
    yield "POST", "/v1/chat/completions", api.complete, {"model": dict[str, Any]} | STREAM
