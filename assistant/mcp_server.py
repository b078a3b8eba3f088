"""Assistant -> MCP server: a library as tools and resources, for all programs that speak the Model Context Protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any, ParamSpec, get_args
from urllib.parse import quote

import uvicorn
from anyio import from_thread
from mcp.server.mcpserver import Context, MCPServer, ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, ContentBlock, ResourceLink, TextContent, ToolAnnotations
from pydantic import BaseModel, Field, RootModel, ValidationError

from assistant import render
from assistant.assistant import Assistant
from assistant.errors import AssistantError
from assistant.records import Answer, CitedPaper, Depth, Mode, PaperHit, Stage
from assistant.serve.errors import PriceNotAccepted
from assistant.serve.forms import Hit
from assistant.table import Table, markdown, parse_columns
from assistant.verify import Verification, verify
from ingest import Paper
from ingest.errors import IngestError, UnknownPaper
from prompts import render as wording

URI = "paper://"
LOOPBACK = ("127.0.0.1", "localhost")

Arguments = ParamSpec("Arguments")
Question = Annotated[str, Field(description="A whole question, in plain words.")]
# What the schemas of the next ones tell is checked by the assistant, so that its error is the same everywhere.
HowAsked = Annotated[
    str,
    Field(
        description="auto asks the language model that is set, if any; offline asks none; llm insists on one.",
        json_schema_extra={"enum": list(get_args(Mode))},
    ),
]
HowDeep = Annotated[
    str,
    Field(
        description="How many papers are judged: some, about a hundred, or all.",
        json_schema_extra={"enum": list(get_args(Depth))},
    ),
]
Where = Annotated[str | None, Field(description='Only papers of which this is true: "year >= 2023 and has_code".')]
AcceptPrice = Annotated[
    bool,
    Field(description="Whether an exhaustive answer may cost what it costs; without it, an error tells the price."),
]


class Ranking(BaseModel):
    """Papers, best first."""

    hits: list[Hit]


class _Server(MCPServer[Any]):
    """Says in one line what is wrong with an argument."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context | None = None) -> Any:
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                first = error.__cause__.errors()[0]
                place = ".".join(map(str, first["loc"]))
                raise ToolError(f"argument {place!r} of tool {name!r}: {first['msg']}") from error.__cause__
            raise


def server_over(assistant: Assistant) -> MCPServer[Any]:
    """The server of an open library, which stays the caller's to close."""
    tools, papers = Tools(assistant), len(assistant.library)
    server = _Server(
        "whichpapers",
        title="whichpapers",
        version=version("whichpapers"),
        instructions=wording("tool_instructions", papers=papers),
        log_level="ERROR",
    )
    reads = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    for tool in (tools.ask, tools.search, tools.table, tools.paper, tools.verify):
        fields = {"papers": papers} if tool == tools.ask else {}
        server.add_tool(tool, description=wording(f"tool_{tool.__name__}", **fields), annotations=reads)
    # An id names no file: nothing in it can lead anywhere else.
    server.resource(
        f"{URI}{{+paper_id}}",
        name="paper",
        description=wording("tool_paper"),
        mime_type="text/plain",
        security=ResourceSecurity(exempt_params={"paper_id"}),
    )(tools.resource)
    return server


def http_server(server: MCPServer[Any], port: int) -> uvicorn.Server:
    """`server` over streamable HTTP at /mcp, for this machine alone: no page of another host may ask it anything."""
    hosts = [f"{host}:{port}" for host in LOOPBACK]
    app = server.streamable_http_app(
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
        )
    )
    return uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False, server_header=False, proxy_headers=False, ws="none")
    )


def told(call: Callable[Arguments, CallToolResult]) -> Callable[Arguments, CallToolResult]:
    """`call`, its errors told as a tool's, in the one line that they have everywhere."""

    @wraps(call)
    def calling(*arguments: Arguments.args, **named: Arguments.kwargs) -> CallToolResult:
        try:
            return call(*arguments, **named)
        except (AssistantError, IngestError) as error:
            return CallToolResult(content=[_text(str(error))], is_error=True)

    return calling


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools over one library. Each result has a text for models and the same, typed, for programs."""

    assistant: Assistant

    @told
    def ask(  # noqa: PLR0913, PLR0917 (an argument of a tool is a parameter)
        self,
        context: Context,
        question: Question,
        history: Sequence[dict[str, str]] = (),
        mode: HowAsked = "auto",
        depth: HowDeep = "thorough",
        where: Where = None,
        accept_price: AcceptPrice = False,
    ) -> Annotated[CallToolResult, RootModel[Answer]]:
        """Question -> Answer, each stage told as progress."""
        self._agree(mode, depth, where, accept_price=accept_price)
        for done, event in enumerate(self.assistant.stream(question, history, mode, depth, where)):  # type: ignore[arg-type]  # checked there
            from_thread.check_cancelled()
            if isinstance(event, Answer):
                answer = event
            elif isinstance(event, Stage):
                from_thread.run(context.report_progress, done, None, f"{event.name}: {event.detail}")
        links = (_link(citation.paper) for citation in answer.citations)
        return _result(render.markdown(answer), answer.to_dict(), *links)

    @told
    def search(
        self, query: Question, k: Annotated[int, Field(description="At most this many.")] = 10, where: Where = None
    ) -> Annotated[CallToolResult, Ranking]:
        """Query -> ranked papers."""
        hits = self.assistant.search(query, k, where)
        lines = (_line(rank, hit) for rank, hit in enumerate(hits, start=1))
        return _result("\n".join(lines) or "nothing found", {"hits": [hit.to_dict() for hit in hits]})

    @told
    def table(  # noqa: PLR0913, PLR0917 (see ask)
        self,
        question: Question,
        columns: Annotated[list[str], Field(description='What to tell of each paper: ["method", "bit width"].')],
        mode: HowAsked = "auto",
        depth: HowDeep = "thorough",
        where: Where = None,
        accept_price: AcceptPrice = False,
    ) -> Annotated[CallToolResult, RootModel[Table]]:
        """Question, columns -> Table."""
        named = parse_columns(", ".join(columns))
        self._agree(mode, depth, where, accept_price=accept_price)
        made = self.assistant.table(question, named, mode, depth, where)  # type: ignore[arg-type]  # checked there
        return _result(markdown(made), asdict(made))

    @told
    def paper(
        self, paper_id: Annotated[str, Field(description="As ask and search give it.")]
    ) -> Annotated[CallToolResult, RootModel[Paper]]:
        """Id -> Paper."""
        found = self._paper(paper_id)
        return _result(_whole(found), asdict(found))

    @told
    def verify(
        self, answer: Annotated[dict[str, Any], Field(description="What ask gave as its structured content.")]
    ) -> Annotated[CallToolResult, RootModel[Verification]]:
        """Answer -> Verification."""
        found = verify(Answer.from_dict(answer), self.assistant.library)
        proved = f"verified: {found.citations} citations, {found.quotes} quotes, each the library's own text"
        return _result("\n".join(found.problems) or proved, asdict(found))

    def resource(self, paper_id: str) -> str:
        """A paper's text, for programs that attach it to a chat.

        Raises:
            ResourceNotFoundError: The library has no such paper.
        """
        try:
            return _whole(self._paper(paper_id))
        except UnknownPaper as error:
            raise ResourceNotFoundError(str(error)) from error

    def _paper(self, paper_id: str) -> Paper:
        found = self.assistant.library.papers([paper_id])
        if not found:
            raise UnknownPaper(paper_id)
        return found[0]

    def _agree(self, mode: str, depth: str, where: str | None, *, accept_price: bool) -> None:
        """Asks nothing of a model at a price that was not accepted."""
        if depth == "exhaustive" and not accept_price:
            price = self.assistant.price(mode, depth, where)  # type: ignore[arg-type]  # checked by ask itself
            if price.calls:
                raise PriceNotAccepted(price)


def _result(text: str, typed: dict[str, Any], *links: ContentBlock) -> CallToolResult:
    return CallToolResult(content=[_text(text), *links], structured_content=typed)


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _link(paper: CitedPaper) -> ResourceLink:
    return ResourceLink(uri=URI + quote(paper.id, safe=""), name=paper.title, mime_type="text/plain")


def _line(rank: int, hit: PaperHit) -> str:
    quotes = "".join(f"\n   “{quote.text}”" for quote in hit.evidence)
    return f"{rank}. {hit.paper.title} (id {hit.paper.id!r}, {hit.similarity:.2f}){quotes}"


def _whole(paper: Paper) -> str:
    about = ", ".join(filter(None, [*paper.authors, str(paper.year or ""), paper.venue, paper.address]))
    return "\n\n".join(filter(None, [paper.title, about, paper.abstract]))
