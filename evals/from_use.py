"""Notes -> Cases: what people rated and saved in the chat becomes judged questions.

A rated answer becomes a case of type `feedback`: the papers rated good are relevant; where only the whole answer was
rated good, all that it cites; an honest no rated good has nothing to find. A saved question becomes a case of type
`saved` by its latest answer: it guards what is answered today, and cannot tell what was missed. A question of which
nothing good is known becomes none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from assistant import Answer, AssistantError
from evals.errors import CannotWrite, NoNotes
from ingest import Library
from ingest.notes import Notes, Turn
from ingest.settings import Settings

GOOD, SEEN = 2, 1
"""The grade of a paper rated good, and of one that a good or saved answer cites."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was made of notes."""

    cases: tuple[dict[str, Any], ...]
    """In the form of case files."""
    left_out: tuple[str, ...]
    """Questions of which it is not known what would answer them."""


def write_cases(settings: Settings, owner: str, path: Path) -> Collected:
    """Writes a file of cases from the notes of `owner`, "" where nobody logs in.

    Raises:
        NoNotes: Nobody has left any in this library.
        CannotWrite: The disk refuses.
        IngestError: See `Library.open`.
    """
    notes = settings.library / "notes.db"
    if not notes.is_file():
        raise NoNotes(settings.library)
    with Library.open(settings.library, settings) as library, Notes(notes) as opened:
        found = collect(opened, library, owner)
    try:
        path.write_text("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in found.cases), "utf-8")
    except OSError as error:
        raise CannotWrite(path, error.strerror or str(error)) from error
    return found


def collect(notes: Notes, library: Library, owner: str) -> Collected:
    """The cases that the notes of `owner` make; of a question rated several times, the last counts."""
    cases: dict[str, dict[str, Any]] = {}
    left_out: list[str] = []
    for kind, turn, grades in _judged(notes, owner):
        papers = {paper.id: paper.title for paper in library.papers(grades or {})}
        if grades is None or len(papers) < len(grades):
            left_out.append(turn.question)
            continue
        earlier = notes.turns(owner, turn.conversation)
        case_id = f"{kind}-{sha256(turn.question.encode()).hexdigest()[:10]}"
        cases[case_id] = {
            "id": case_id,
            "type": kind,
            "question": turn.question,
            "history": _history([one for one in earlier if one.id < turn.id]),
            "relevant": [{"title": papers[paper_id], "grade": grade} for paper_id, grade in grades.items()],
        }
    return Collected(tuple(cases.values()), tuple(left_out))


def _judged(notes: Notes, owner: str) -> Iterator[tuple[str, Turn, dict[str, int] | None]]:
    """Type, turn and grades by paper id of each question, the grades None where they are not known."""
    rated = {one.turn.id: one.ratings for one in notes.rated(owner)}
    turns = [turn for found in notes.conversations(owner) for turn in notes.turns(owner, found.id)]
    for turn in sorted(turns, key=lambda turn: turn.id):
        if turn.id in rated:
            yield "feedback", turn, _grades(turn, rated[turn.id])
    latest = {turn.question: turn for turn in sorted(turns, key=lambda turn: turn.id) if turn.answer}
    for question in notes.saved_questions(owner):
        turn = latest.get(question) or Turn(0, 0, question, "", "", None, "never answered")
        yield "saved", turn, _grades(turn, {"": True, **rated.get(turn.id, {})})


def _grades(turn: Turn, ratings: Mapping[str, bool]) -> dict[str, int] | None:
    try:
        answer = Answer.from_dict(json.loads(turn.answer or "null"))
    except (ValueError, AssistantError):
        return None
    good = {paper_id: GOOD for paper_id, liked in ratings.items() if paper_id and liked}
    if ratings.get(""):
        cited = {c.paper.id: SEEN for c in answer.citations if ratings.get(c.paper.id, True)}
        good = {**cited, **good}
    known = good or (answer.abstained and ratings.get(""))
    return good if known else None


def _history(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """The conversation before a question, as cases tell it."""
    told = []
    for turn in turns:
        if turn.answer:
            text = str(json.loads(turn.answer).get("text", ""))
            told += [{"role": "user", "content": turn.question}, {"role": "assistant", "content": text}]
    return told
