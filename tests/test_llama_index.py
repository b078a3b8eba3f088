"""LlamaIndex's faces of a library, met as its users meet them: by its evaluators, agents, callbacks and readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import Document, MockEmbedding
from llama_index.core import Settings as LlamaIndexSettings
from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, CompletionResponse, LLMMetadata, ToolCallBlock
from llama_index.core.base.response.schema import StreamingResponse
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.evaluation import FaithfulnessEvaluator, RelevancyEvaluator, RetrieverEvaluator
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # that is how LlamaIndex does it
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.llms.custom import CustomLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from pydantic import Field

from assistant import Answer, Assistant
from assistant.errors import BadQuestion
from assistant.llama_index import (
    LibraryEmbedding,
    LibraryQueryEngine,
    LibraryRetriever,
    LibraryStage,
    LlamaIndexEncoder,
    ingest_documents,
)
from assistant.llm.records import ChatFailed
from ingest import Library, Settings
from ingest.errors import BadFilter, EncoderMismatch
from tests import documented
from tests.conftest import SIX
from tests.fakes import ScriptedChat, WordEncoder
from tests.test_ask import HESSIAN

IN_LLAMA_INDEX = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""What its agents do themselves."""
BOUNDS = "which papers prove lower bounds for zeroth-order methods"


class Scripted(CustomLLM):
    """A LlamaIndex model that answers each prompt by a function of it."""

    says: Callable[[str], str]
    asked: list[str] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted")

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        del formatted
        self.asked.append(prompt)
        return CompletionResponse(text=self.says(prompt))

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        del formatted
        text = self.complete(prompt).text
        return iter([CompletionResponse(text=text, delta=text)])


@pytest.fixture
def small(library: Library, settings: Settings) -> Assistant:
    return Assistant(library, settings)


def text_of(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "trace": {**answer["trace"], "seconds": None}}


# --- the retriever ---------------------------------------------------------------------------------------------------


def test_the_retriever_gives_what_search_gives(small: Assistant) -> None:
    found = LibraryRetriever(small, similarity_top_k=3).retrieve(BOUNDS)
    expected = small.search(BOUNDS, 3)
    assert [(hit.node.node_id, hit.score) for hit in found] == [(hit.paper.id, hit.similarity) for hit in expected]
    best = found[0].node
    assert best.get_content() == expected[0].paper.abstract
    told = {"title": expected[0].paper.title, "year": 2020, "url": None, "paper_id": best.node_id}
    assert told.items() <= best.metadata.items()
    assert best.metadata["spans"]
    for span in best.metadata["spans"]:
        whole = best.metadata["title"] if span["field"] == "title" else best.get_content()
        assert whole[span["start"] : span["end"]] == span["text"]


def test_a_model_is_shown_title_and_abstract_and_no_bookkeeping(small: Assistant) -> None:
    node = LibraryRetriever(small, similarity_top_k=1).retrieve(BOUNDS)[0].node
    shown = node.get_content("llm")  # type: ignore[arg-type]  # the mode by its name
    assert shown.startswith(f"title: {node.metadata['title']}\nyear: 2020\n\n{node.get_content()}")


def test_the_retriever_heeds_its_filter(small: Assistant) -> None:
    years = {hit.node.metadata["year"] for hit in LibraryRetriever(small, where="year >= 2022").retrieve(HESSIAN)}
    assert years == {2022, 2023}


def test_llama_index_scores_the_retriever(small: Assistant) -> None:
    expected = small.search(BOUNDS, 1)[0].paper.id
    evaluator = RetrieverEvaluator.from_metric_names(
        ["hit_rate", "mrr", "recall"], retriever=LibraryRetriever(small, similarity_top_k=3)
    )
    for ids, score in (([expected], 1.0), (["another"], 0.0)):
        scores = asyncio.run(evaluator.aevaluate(query=BOUNDS, expected_ids=ids)).metric_vals_dict
        assert scores == {"hit_rate": score, "mrr": score, "recall": score}


def test_another_engine_can_write_from_the_retriever(small: Assistant) -> None:
    llm = Scripted(says=lambda _: "d/eps^2 queries")
    engine = RetrieverQueryEngine.from_args(LibraryRetriever(small, similarity_top_k=2), llm=llm)
    response = engine.query(BOUNDS)
    assert str(response) == "d/eps^2 queries"
    assert "Any method needs at least d/eps^2 queries." in llm.asked[0]


# --- the query engine ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("streaming", [False, True])
def test_the_engine_gives_the_answer_that_ask_gives(small: Assistant, is_async: bool, streaming: bool) -> None:
    engine = LibraryQueryEngine(small, streaming=streaming, mode="offline", where="year >= 2021")
    expected = small.ask(HESSIAN, mode="offline", where="year >= 2021")

    async def ask() -> tuple[str, Any]:
        response: Any = await engine.aquery(HESSIAN)
        if not streaming:
            return str(response), response
        pieces = [piece async for piece in response.async_response_gen()]
        assert len(pieces) > 1
        whole = await response.get_response()
        return str(whole), whole

    if is_async:
        text, response = asyncio.run(ask())
    else:
        response = engine.query(HESSIAN)
        if isinstance(response, StreamingResponse):
            assert len(list(response.response_gen)) > 1
        text = str(response)
    assert text == expected.text
    assert text_of(response.metadata["answer"]) == text_of(expected.to_dict())
    assert [
        (source.node.node_id, source.node.metadata["number"], source.score) for source in response.source_nodes
    ] == [(citation.paper.id, citation.number, citation.relevance) for citation in expected.citations]
    for source, citation in zip(response.source_nodes, expected.citations, strict=True):
        spans = source.node.metadata["spans"]
        assert [span["text"] for span in spans] == [quote.text for quote in citation.quotes]
        assert all(source.node.text[s["start"] : s["end"]] == s["text"] for s in spans if s["field"] == "abstract")
    assert Answer.from_dict(response.metadata["answer"]).citations == expected.citations


def test_what_stands_is_the_answer_when_pieces_were_withdrawn(library: Library, settings: Settings) -> None:
    chat = ScriptedChat(answer_list=ChatFailed("cut_off", "broke off"))
    engine = LibraryQueryEngine(Assistant(library, settings, chat), streaming=True, depth="quick")
    response: Any = engine.query(HESSIAN)
    assert str(response) == response.metadata["answer"]["text"]
    assert response.metadata["answer"]["mode"] == "offline"
    assert "broke off" in response.metadata["answer"]["notices"][0]


def test_an_honest_no_has_no_sources(small: Assistant) -> None:
    response: Any = LibraryQueryEngine(small).query("where is the best pizza in Naples")
    assert response.metadata["answer"]["abstained"]
    assert not response.source_nodes


@pytest.mark.parametrize("streaming", [False, True])
def test_errors_are_those_of_ask(small: Assistant, streaming: bool) -> None:
    for question, options, error in ((" ", {}, BadQuestion), (HESSIAN, {"where": "yeer > 1"}, BadFilter)):
        engine = LibraryQueryEngine(small, streaming=streaming, **options)  # type: ignore[arg-type]  # on purpose
        with pytest.raises(error) as by_ask:
            small.ask(question, **options)  # type: ignore[arg-type]  # on purpose
        with pytest.raises(error) as by_engine:
            engine.query(question)
        assert str(by_engine.value) == str(by_ask.value)


def test_llama_index_judges_the_answers(small: Assistant) -> None:
    response: Any = LibraryQueryEngine(small).query(BOUNDS)
    statement = response.source_nodes[0].node.metadata["spans"][0]["text"]

    def judge(prompt: str) -> str:
        return "YES" if prompt.count(statement) >= 2 else "NO"  # as the answer says it, and as its source does

    for evaluator in (FaithfulnessEvaluator(llm=Scripted(says=judge)), RelevancyEvaluator(llm=Scripted(says=judge))):
        verdict = evaluator.evaluate_response(query=BOUNDS, response=response)
        assert verdict.passing, verdict
        response.source_nodes, sources = [], response.source_nodes
        assert not evaluator.evaluate_response(query=BOUNDS, response=response).passing
        response.source_nodes = sources


def test_callbacks_and_instrumentation_are_told(small: Assistant) -> None:
    seen: list[BaseEvent] = []

    class Handler(BaseEventHandler):
        def handle(self, event: BaseEvent, **_: Any) -> None:
            seen.append(event)

    debug = LlamaDebugHandler(print_trace_on_end=False)
    root, handler = get_dispatcher(), Handler()
    root.add_event_handler(handler)
    try:
        response = LibraryQueryEngine(small, callback_manager=CallbackManager([debug])).query(BOUNDS)
        LibraryRetriever(small, callback_manager=CallbackManager([debug])).retrieve(BOUNDS)
    finally:
        root.event_handlers.remove(handler)
    assert [event.class_name() for event in seen] == [
        "QueryStartEvent", *["LibraryStage"] * 4, "QueryEndEvent", "RetrievalStartEvent", "RetrievalEndEvent",
    ]  # fmt: skip
    assert [e.name for e in seen if isinstance(e, LibraryStage)] == ["understand", "retrieve", "judge", "write"]
    (_, ended), *_ = debug.get_event_pairs(CBEventType.QUERY)
    assert ended.payload == {"response": response}
    assert len(debug.get_event_pairs(CBEventType.RETRIEVE)) == 1


def test_the_callbacks_of_its_settings_are_told_by_default(small: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    monkeypatch.setattr(LlamaIndexSettings, "_callback_manager", CallbackManager([debug]))
    LibraryQueryEngine(small).query(BOUNDS)
    assert len(debug.get_event_pairs(CBEventType.QUERY)) == 1


# --- agents ----------------------------------------------------------------------------------------------------------


def run(agent: FunctionAgent | ReActAgent, question: str) -> tuple[AgentOutput, list[ToolCallResult]]:
    async def running() -> tuple[AgentOutput, list[ToolCallResult]]:
        handler = agent.run(user_msg=question)
        calls = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
        return await handler, calls

    return asyncio.run(running())


def calling(argument: str) -> MockFunctionCallingLLM:
    """Calls the tool once, and says what came of it."""

    def reply(messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
        if messages[-1].role == "tool":
            return ChatMessage(role="assistant", content=f"Found: {messages[-1].content}")
        call = ToolCallBlock(tool_call_id="1", tool_name="ask_papers", tool_kwargs={"input": argument})
        return ChatMessage(role="assistant", blocks=[call])

    return MockFunctionCallingLLM(response_generator=reply)


def reacting() -> Scripted:
    def say(prompt: str) -> str:
        if "Observation:" in prompt.rsplit("user:", 1)[-1]:
            return "Thought: I can answer without using any more tools.\nAnswer: Found it."
        return f'Thought: I need a tool.\nAction: ask_papers\nAction Input: {{"input": "{BOUNDS}"}}'

    return Scripted(says=say)


@IN_LLAMA_INDEX
@pytest.mark.parametrize("kind", ["function", "react"])
def test_an_agent_asks_the_library(small: Assistant, kind: str) -> None:
    tools: list[Any] = [LibraryQueryEngine(small).as_tool()]
    agent = (
        FunctionAgent(tools=tools, llm=calling(BOUNDS))
        if kind == "function"
        else ReActAgent(tools=tools, llm=reacting(), streaming=False)
    )
    output, calls = run(agent, "What is known about lower bounds?")
    assert "Found" in str(output)
    assert [call.tool_name for call in calls] == ["ask_papers"]
    assert calls[0].tool_output.content == small.ask(BOUNDS).text
    assert calls[0].tool_output.raw_output.source_nodes


@IN_LLAMA_INDEX
def test_an_agent_is_told_what_was_wrong_in_the_same_line(small: Assistant) -> None:
    agent = FunctionAgent(tools=[LibraryQueryEngine(small).as_tool()], llm=calling(" "))
    _, calls = run(agent, "Ask nothing.")
    with pytest.raises(BadQuestion) as expected:
        small.ask(" ")
    assert calls[0].tool_output.is_error
    assert str(expected.value) in calls[0].tool_output.content


def test_the_tool_says_what_it_does(small: Assistant) -> None:
    engine = LibraryQueryEngine(small)
    assert "Finds every one of 6 research papers" in engine.as_tool().metadata.description
    told = engine.as_tool("papers", "My papers.").metadata
    assert (told.name, told.description) == ("papers", "My papers.")


# --- embeddings and documents ----------------------------------------------------------------------------------------


def documents() -> list[Document]:
    return [
        Document(text=record["abstract"], metadata={key: record[key] for key in ("title", "year") if key in record})
        for record in SIX
    ]


def test_documents_become_papers(tmp_path: Path, settings: Settings, encoder: WordEncoder) -> None:
    report = ingest_documents(documents(), settings=settings, encoder=encoder)
    assert (report.read, report.works, report.added, report.rejected) == (6, 6, 6, 0)
    again = ingest_documents(documents(), settings=settings, encoder=encoder)
    assert (again.works, again.unchanged) == (6, 6)
    with Assistant.open(settings=settings, encoder=encoder) as assistant:
        best = assistant.search(BOUNDS, 1)[0].paper
    assert (best.id, best.year) == ("lower-bounds-for-zeroth-order-methods", 2020)
    assert tmp_path not in [Path(source.origin) for source in best.sources]


def test_a_documents_own_id_is_kept_and_one_without_a_title_is_rejected(
    settings: Settings, encoder: WordEncoder
) -> None:
    given = [
        Document(text="We do this. It works.", doc_id="smith-2020", metadata={"file_name": "This", "seen": {1, 2}}),
        Document(text="We do that. It works too.", metadata={}),
    ]
    report = ingest_documents(given, columns={"title": "file_name"}, settings=settings, encoder=encoder)
    assert (report.works, report.rejected) == (1, 1)
    assert report.rejections[0].why == "an entry without a title"
    with Library.open(settings.library, settings, encoder) as library:
        assert library.papers(["smith-2020"])[0].title == "This"


def test_a_llama_index_embedding_encodes_a_library(settings: Settings) -> None:
    encoder = LlamaIndexEncoder(LibraryEmbedding.over(WordEncoder()))
    assert np.allclose(encoder.encode(["a b", "a"]), WordEncoder().encode(["a b", "a"]))
    ingest_documents(documents(), settings=settings, encoder=encoder)
    with Assistant.open(settings=settings, encoder=encoder) as assistant:
        assert assistant.ask(BOUNDS, mode="offline").citations
    with pytest.raises(EncoderMismatch):
        Assistant.open(settings=settings, encoder=LlamaIndexEncoder(MockEmbedding(8, model_name="another")))


def test_a_vector_of_zeros_is_no_fault() -> None:
    class Zero(MockEmbedding):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return [[0.0] * 8 for _ in texts]

    assert not LlamaIndexEncoder(Zero(embed_dim=8)).encode(["nothing"]).any()


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@IN_LLAMA_INDEX
def test_the_page_can_be_followed(
    sample_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHICHPAPERS_OFFLINE", "true")
    Path("my-library").symlink_to(sample_settings.library)
    done = documented.run("llama_index", llm=calling(HESSIAN), embedding=LibraryEmbedding.over(WordEncoder()))
    assert "papers** show this" in capsys.readouterr().out
    response: Any = done["response"]
    assert response.source_nodes
    assert isinstance(done["agent"], FunctionAgent)
    assistant: Any = done["assistant"]
    assert len(assistant.library) == 1
    assert assistant.model == "unknown"
    assistant.close()
