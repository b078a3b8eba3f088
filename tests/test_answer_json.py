"""Answer as JSON: there and back, and a clear refusal of anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assistant import Answer
from assistant.errors import AnswerUnreadable
from assistant.records import Citation, CitedPaper, Claim, Coverage, EstimatedRecall, NearMiss, Quote, Trace
from ingest import Source

PAPER = CitedPaper("id", "Title", ("A",), 2024, None, (Source("page.txt", 3, "Title"),), False, "0" * 64)
ANSWER = Answer(
    question="q", standalone_question="q", kind="list", mode="offline", model=None, text="Yes [1].", abstained=False,
    reason=None, claims=(Claim("Yes", (1,), 1.0),),
    citations=(Citation(1, PAPER, 0.9, "uses", (Quote("Yes", 0, 3, "abstract"),)),),
    near_misses=(NearMiss(PAPER, "says no"),), coverage=Coverage(3, 3, 3, 1, EstimatedRecall(0.9, 0.8, 1.0)),
    notices=("n",), trace=Trace({"mode": "auto"}, {"list": "ab"}, {"papers": "3"}, {"judge": 0.1}),
)  # fmt: skip
CONTRACT = {
    "schema", "question", "standalone_question", "kind", "mode", "model", "text", "abstained", "reason", "claims",
    "citations", "near_misses", "coverage", "removed", "usage", "trace",
}  # fmt: skip


def test_there_and_back_through_json_is_the_same_answer() -> None:
    assert Answer.from_dict(json.loads(json.dumps(ANSWER.to_dict()))) == ANSWER


def test_the_contracted_fields_are_there() -> None:
    data = json.loads(json.dumps(ANSWER.to_dict()))
    assert set(data) >= CONTRACT
    assert set(data["coverage"]) == {"papers", "retrieved", "judged", "relevant", "estimated_recall"}
    assert set(data["removed"]) == {"unknown_keys", "unlocated_quotes", "unsupported_claims"}
    assert set(data["usage"]) == {"calls", "prompt_tokens", "completion_tokens", "cost_usd"}
    assert set(data["trace"]) == {"settings", "prompts", "library", "seconds"}
    assert set(data["citations"][0]) == {"number", "paper", "relevance", "role", "quotes"}
    assert set(data["citations"][0]["paper"]) >= {"id", "title", "authors", "year", "url", "sources"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "expected a JSON object, found list"),
        ({"schema": 2}, "expected schema 1, found 2"),
        ({"schema": 1}, "field 'question'"),
        ({**ANSWER.to_dict(), "kind": "poem"}, "field 'kind'"),
        ({**ANSWER.to_dict(), "citations": [{"number": "one"}]}, "field 'citations.0"),
    ],
)
def test_anything_else_is_refused_by_its_first_fault(data: Any, told: str) -> None:
    with pytest.raises(AnswerUnreadable, match=r"not a saved answer") as refused:
        Answer.from_dict(data)
    assert told in str(refused.value)
