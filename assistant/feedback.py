"""Notes -> Cases: what people rated and saved in the chat becomes judged questions, for `whichpapers eval`.

A rated answer becomes a case of type `feedback`: the papers rated good are relevant; where only the whole answer was
rated good, all that it cites; an honest no rated good has nothing to find. A saved question becomes a case of type
`saved` by its latest answer: it guards what is answered today, and cannot tell what was missed. A question of which
nothing good is known becomes none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from assistant.errors import AssistantError
from assistant.records import Answer
from ingest import Library
from ingest.notes import Notes, Turn

GOOD, SEEN = 2, 1
"""The grade of a paper rated good, and of one that a good or saved answer cites."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was made of notes."""

    cases: tuple[dict[str, Any], ...]
    """In the form of case files."""
    left_out: tuple[str, ...]
    """Questions of which it is not known what would answer them."""

    def lines(self) -> str:
        """The cases as a file of JSON lines."""
        return "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in self.cases)


def collect(notes: Notes, library: Library, owner: str) -> Collected:
    """The cases that the notes of `owner` make; of a question rated several times, the last counts."""
    cases: dict[str, dict[str, Any]] = {}
    left_out: list[str] = []
    for kind, question, turn, grades in _judged(notes, owner):
        papers = {paper.id: paper.title for paper in library.papers(grades or {})}
        if turn is None or grades is None or len(papers) < len(grades):
            left_out.append(question)
            continue
        earlier = [one for one in notes.turns(owner, turn.conversation) if one.id < turn.id]
        case_id = f"{kind}-{sha256(question.encode()).hexdigest()[:10]}"
        cases[case_id] = {
            "id": case_id,
            "type": kind,
            "question": question,
            "history": [line for one in earlier for line in _told(one)],
            "relevant": [{"title": papers[paper_id], "grade": grade} for paper_id, grade in grades.items()],
        }
    return Collected(tuple(cases.values()), tuple(left_out))


def _judged(notes: Notes, owner: str) -> Iterator[tuple[str, str, Turn | None, dict[str, int] | None]]:
    """Type, question, turn and grades by paper id of what was rated or saved; None what is not known."""
    found = [turn for one in notes.conversations(owner) for turn in notes.turns(owner, one.id)]
    answered = [(turn, answer) for turn in sorted(found, key=lambda turn: turn.id) if (answer := _answer(turn))]
    rated = {one.turn.id: one.ratings for one in notes.rated(owner)}
    for turn, answer in answered:
        if turn.id in rated:
            yield "feedback", answer.question, turn, _grades(answer, rated[turn.id])
    latest = {answer.question: (turn, answer) for turn, answer in answered}
    for question in notes.saved_questions(owner):
        if question in latest:
            turn, answer = latest[question]
            yield "saved", question, turn, _grades(answer, {"": True, **rated.get(turn.id, {})})
        else:
            yield "saved", question, None, None


def _answer(turn: Turn) -> Answer | None:
    try:
        return Answer.from_dict(json.loads(turn.answer or "null"))
    except (ValueError, AssistantError):
        return None


def _grades(answer: Answer, ratings: Mapping[str, bool]) -> dict[str, int] | None:
    good = {paper_id: GOOD for paper_id, liked in ratings.items() if paper_id and liked}
    if ratings.get(""):
        cited = {c.paper.id: SEEN for c in answer.citations if ratings.get(c.paper.id, True)}
        good = {**cited, **good}
    return good if good or (answer.abstained and ratings.get("")) else None


def _told(turn: Turn) -> list[dict[str, str]]:
    """A turn as later questions look back on it."""
    answer = _answer(turn)
    if answer is None:
        return []
    return [{"role": "user", "content": answer.question}, {"role": "assistant", "content": answer.text}]
