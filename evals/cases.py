"""Files -> Cases: judged questions, checked at the door against the library they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from evals.errors import BadCase, NoCases
from evals.records import Case, Nugget
from ingest import Library

Asked = Sequence[tuple[Case, dict[str, int]]]
"""Cases, each with its grades by paper id."""

OWN_CASES = Path(__file__).with_name("cases") / "dev.jsonl"


def _pattern(text: str) -> str:
    re.compile(text)
    return text


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Relevant(_Model):
    title: str = Field(min_length=1)
    grade: Literal[1, 2]


class _Nugget(_Model):
    text: str = Field(min_length=1)
    titles: tuple[str, ...]
    vital: bool


class _Turn(_Model):
    role: Literal["user", "assistant"]
    content: str


class _Case(_Model):
    id: str = Field(min_length=1)
    type: str = Field(min_length=1)
    question: str = Field(pattern=r"\S")
    history: tuple[_Turn, ...] = ()
    standalone: str | None = None
    answer: str | None = None
    answer_patterns: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
    relevant: tuple[_Relevant, ...]
    nuggets: tuple[_Nugget, ...] = ()


def read_cases(paths: Iterable[Path], library: Library) -> list[tuple[Case, dict[str, int]]]:
    """Reads case files.

    Args:
        paths: JSON lines, a case a line; blank lines are skipped.
        library: Must hold every paper that a case names, under any title it was seen with.

    Returns:
        Each case, with its grades by paper id (the greatest where two titles are one work).

    Raises:
        NoCases: A file cannot be read or is empty.
        BadCase: A line is no case, repeats an id, or names a paper that the library does not hold.
    """
    ids = title_ids(library)
    seen: dict[str, str] = {}
    found: list[tuple[Case, dict[str, int]]] = []
    for path in paths:
        before = len(found)
        for number, line in enumerate(_lines(path), start=1):
            if not line.strip():
                continue
            case = _case(path, number, line)
            if case.id in seen:
                raise BadCase(path, number, f"id {case.id!r} was used before, in {seen[case.id]}")
            seen[case.id] = f"{path}:{number}"
            found.append((case, _grades(path, number, case, ids)))
        if len(found) == before:
            raise NoCases(path, "the file is empty")
    return found


def title_ids(library: Library) -> dict[str, str]:
    """The id of the work behind every title it was seen with, by `title_key`."""
    return {
        title_key(title): paper.id
        for paper in library.store.every_paper()
        for title in (paper.title, *(source.title for source in paper.sources))
    }


def title_key(title: str) -> str:
    """A title without regard to case and white space."""
    return " ".join(title.casefold().split())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCases(path, str(error)) from error


def _case(path: Path, number: int, line: str) -> Case:
    try:
        read = _Case.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadCase(path, number, f"{place}: {first['msg']}" if place else first["msg"]) from error
    except re.error as error:
        raise BadCase(path, number, f"answer_patterns: {error}") from error
    return Case(
        id=read.id,
        type=read.type,
        question=read.question,
        history=tuple(turn.model_dump() for turn in read.history),
        standalone=read.standalone,
        answer_patterns=read.answer_patterns,
        grades={entry.title: entry.grade for entry in read.relevant},
        nuggets=tuple(Nugget(n.text, n.titles, n.vital) for n in read.nuggets),
    )


def _grades(path: Path, number: int, case: Case, ids: Mapping[str, str]) -> dict[str, int]:
    grades: dict[str, int] = {}
    for title, grade in case.grades.items():
        paper_id = ids.get(title_key(title))
        if paper_id is None:
            raise BadCase(path, number, f"the library holds no paper titled {title!r}")
        grades[paper_id] = max(grade, grades.get(paper_id, 0))
    return grades
