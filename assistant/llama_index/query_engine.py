"""Query -> Response: the assistant's cited answer as a LlamaIndex query engine, whole or in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Unpack

import llama_index.core.instrumentation as instrument
from llama_index.core import Settings
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import AsyncStreamingResponse, Response, StreamingResponse
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.tools import QueryEngineTool

from assistant.ask import Options
from assistant.assistant import Assistant
from assistant.llama_index import nodes
from assistant.records import Event, Stage, Token
from prompts import render

_dispatcher = instrument.get_dispatcher(__name__)  # type: ignore[attr-defined]  # that is how LlamaIndex does it


class LibraryStage(BaseEvent):
    """Told to LlamaIndex's instrumentation: the assistant has begun a stage; see `assistant.Stage`."""

    name: str
    detail: str

    @classmethod
    def class_name(cls) -> str:
        """As LlamaIndex names it."""
        return "LibraryStage"


class LibraryQueryEngine(BaseQueryEngine):
    """Answers with every paper that satisfies a question.

    `response` is the answer's Markdown, `source_nodes` are the papers cited, in the order of their markers, and
    `metadata["answer"]` is the whole answer, as `Answer.to_dict` gives it.
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        streaming: bool = False,
        callback_manager: CallbackManager | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Over `assistant`, which stays the caller's to close.

        Args:
            assistant: An open one.
            streaming: Give the text in pieces as it comes. Pieces may be withdrawn when they turn out unsupported:
                what counts is what `get_response` and `str` give.
            callback_manager: Told of every query; by default the one in LlamaIndex's own settings.
            options: How questions are asked; see `Assistant.stream`.
        """
        self._assistant, self._streaming, self._options = assistant, streaming, options
        super().__init__(callback_manager or Settings.callback_manager)

    def as_tool(self, name: str = "ask_papers", description: str | None = None) -> QueryEngineTool:
        """The engine as a tool of an agent.

        Args:
            name: What the agent calls it.
            description: What the agent is told of it; by default what it does, and how many papers there are.
        """
        told = description or render("tool_ask", papers=len(self._assistant.library))
        return QueryEngineTool.from_defaults(self, name=name, description=told)

    def _get_prompt_modules(self) -> dict[str, Any]:
        """The engine's prompts are not LlamaIndex's: see `whichpapers prompts`."""
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response | StreamingResponse:
        """See `Assistant.stream`, as for the errors."""
        with self.callback_manager.event(
            CBEventType.QUERY, payload={EventPayload.QUERY_STR: query_bundle.query_str}
        ) as query:
            streamed = self._streamed(query_bundle.query_str)
            response = streamed if self._streaming else streamed.get_response()
            query.on_end(payload={EventPayload.RESPONSE: response})
        return response

    async def _aquery(self, query_bundle: QueryBundle) -> Response | AsyncStreamingResponse:
        with self.callback_manager.event(
            CBEventType.QUERY, payload={EventPayload.QUERY_STR: query_bundle.query_str}
        ) as query:
            streamed = await asyncio.to_thread(self._streamed, query_bundle.query_str)
            response = (
                _AsyncStreamed(_aside(streamed.response_gen), streamed.source_nodes, streamed.metadata)
                if self._streaming
                else await asyncio.to_thread(streamed.get_response)
            )
            query.on_end(payload={EventPayload.RESPONSE: response})
        return response

    def _streamed(self, question: str) -> _Streamed:
        events = self._assistant.stream(question, **self._options)
        first = next(events)  # what is wrong with the question is told here, not with the first piece
        sources: list[NodeWithScore] = []
        metadata: dict[str, Any] = {}
        return _Streamed(self._pieces(chain([first], events), sources, metadata), sources, metadata)

    def _pieces(
        self, events: Iterable[Event], sources: list[NodeWithScore], metadata: dict[str, Any]
    ) -> Generator[str]:
        for event in events:
            if isinstance(event, Token):
                yield event.text
            elif isinstance(event, Stage):
                _dispatcher.event(LibraryStage(name=event.name, detail=event.detail))
            else:
                sources += nodes.of_answer(event, self._assistant.library)
                metadata["answer"] = event.to_dict()


@dataclass
class _Streamed(StreamingResponse):
    """Pieces, and what stands at their end."""

    def get_response(self) -> Response:
        for _ in self.response_gen:
            pass
        return Response((self.metadata or {})["answer"]["text"], self.source_nodes, self.metadata)

    def __str__(self) -> str:
        return str(self.get_response())


@dataclass
class _AsyncStreamed(AsyncStreamingResponse):
    """The same, asynchronously."""

    async def get_response(self) -> Response:
        async for _ in self.response_gen:
            pass
        return Response((self.metadata or {})["answer"]["text"], self.source_nodes, self.metadata)

    async def _async_str(self) -> str:
        return str(await self.get_response())


async def _aside(pieces: Iterator[str]) -> AsyncGenerator[str]:
    """`pieces`, each made in a thread, so that nothing else has to wait."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
