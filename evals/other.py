"""Lines -> Replies: answers that another system gave, so that they can be scored like our own.

A line is a JSON object: `id` (the case's) and `answer`, and, where known, `ranking` (titles, best first) and `seconds`.
Of the answer's form (schema 1) only `text`, `abstained` and `citations` need be there, and of a citation only
`paper.title`; papers are known by their titles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assistant import Answer, AssistantError
from evals.cases import title_ids, title_key
from evals.errors import BadCase, NoCases
from evals.records import Case, Reply
from evals.systems import no_reply
from ingest import Library

_ANSWER: Mapping[str, Any] = {
    "schema": 1, "kind": "list", "mode": "llm", "model": None, "reason": None, "claims": [], "citations": [],
    "near_misses": [],
    "coverage": {"papers": 0, "retrieved": 0, "judged": 0, "relevant": 0, "estimated_recall": None},
    "usage": {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost_usd": None},
}  # fmt: skip
_CITATION: Mapping[str, Any] = {"relevance": 1.0, "role": None, "quotes": []}
_PAPER: Mapping[str, Any] = {"authors": [], "year": None, "url": None, "sources": [], "digest": False, "sha256": ""}


class OtherSystem:
    """A system of which only its answers are known."""

    def __init__(self, path: Path, library: Library, cases: Sequence[Case]) -> None:
        """Reads the answers to `cases` from `path`; a case without one counts as failed.

        Raises:
            NoCases: The file cannot be read.
            BadCase: A line is no answer, or answers no case or one that was answered before.
        """
        self.name = path.stem
        self._ids = title_ids(library)
        self._replies: dict[str, Reply] = {}
        known = {case.id: case for case in cases}
        for number, line in enumerate(_lines(path), start=1):
            if line.strip():
                self._add(path, number, line, known)

    def reply(self, case: Case) -> Reply:
        """See `System.reply`."""
        return self._replies.get(case.id) or no_reply(case, "no answer was given")

    def _add(self, path: Path, number: int, line: str, known: Mapping[str, Case]) -> None:
        try:
            data = json.loads(line)
            case = known.get(data["id"])
            if data["id"] in self._replies:
                raise BadCase(path, number, f"case {data['id']!r} was answered before")
            if case is not None:
                self._replies[case.id] = self._reply(case, data)
        except (ValueError, AssistantError) as error:
            raise BadCase(path, number, str(error)) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise BadCase(path, number, f"expected an object with id and answer ({error})") from error

    def _reply(self, case: Case, data: Mapping[str, Any]) -> Reply:
        given = {**_ANSWER, "question": case.question, "standalone_question": case.question, **data["answer"]}
        given["citations"] = [self._citation(n, one) for n, one in enumerate(given["citations"], start=1)]
        ranking = data.get("ranking")
        ids = None if ranking is None else tuple(self._id(title) for title in ranking)
        return Reply(Answer.from_dict(given), ids, data.get("seconds"))

    def _citation(self, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
        paper = {**_PAPER, **given["paper"], "id": self._id(given["paper"]["title"])}
        return {**_CITATION, "number": number, **given, "paper": paper}

    def _id(self, title: str) -> str:
        """The id of the library's paper of this title, or one that is no paper's."""
        return self._ids.get(title_key(title), f"unknown:{title_key(title)}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCases(path, str(error)) from error
