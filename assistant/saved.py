"""Answer <-> LIBRARY/saved/NAME.json: answers that are kept to be told what changes, each with the texts it knew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

from assistant.errors import AnswerUnreadable, AssistantError, BadOption
from assistant.records import Answer, CitedPaper, Depth, Mode
from ingest.errors import LibraryReadOnly

FOLDER = "saved"
_NAME = re.compile(r"\w(?:[\w .-]{0,78}[\w-])?")
_KNOWN_BYTES = 8
"""Of the hash of a text: two in a million texts share them with a probability of 3e-8."""


class NothingSaved(AssistantError):
    """There is no saved answer of this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        told = f"saved are: {', '.join(known)}" if known else "none is"
        super().__init__(f"no saved answer {name!r} ({told}); save one with: whichpapers ask QUESTION --save {name!r}")


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """A question as it was asked, what was answered, and what was there then."""

    name: str
    mode: Mode
    depth: Depth
    where: str | None
    answer: Answer
    known: frozenset[bytes]
    """The beginning of the hash of each text that the library held, or that was reported since."""
    told: tuple[CitedPaper, ...] = ()
    """New papers that were told since and seen, as they were then."""

    def knows(self, sha256: str) -> bool:
        """Whether a text was there."""
        return bytes.fromhex(sha256)[:_KNOWN_BYTES] in self.known

    def knowing(self, texts: Mapping[str, str], found: Iterable[CitedPaper] = ()) -> SavedAnswer:
        """The same with all `texts` (see `Store.texts`) known, and the papers `found` told, if they are still there."""
        papers = {paper.id: paper for paper in (*self.told, *found) if paper.id in texts}
        return replace(self, known=self.known | known(texts), told=tuple(papers.values()))


class _File(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(extra="forbid")

    name: str
    mode: Mode
    depth: Depth
    where: str | None
    known: Base64Bytes
    told: tuple[CitedPaper, ...] = ()
    answer: dict[str, Any]


def known(texts: Mapping[str, str]) -> frozenset[bytes]:
    """What a saved answer keeps of the texts of a library (see `Store.texts`)."""
    return frozenset(bytes.fromhex(sha256)[:_KNOWN_BYTES] for sha256 in texts.values())


def of(name: str, answer: Answer, texts: Mapping[str, str]) -> SavedAnswer:
    """An answer as it is saved, from a library that holds these `texts` (see `Store.texts`).

    Raises:
        AnswerUnreadable: Its trace does not say how it was asked.
    """
    asked = answer.trace.settings
    mode = next((mode for mode in get_args(Mode) if mode == asked.get("mode")), None)
    depth = next((depth for depth in get_args(Depth) if depth == asked.get("depth")), None)
    if mode is None or depth is None:
        raise AnswerUnreadable(f"its trace tells mode {asked.get('mode')!r} and depth {asked.get('depth')!r}")
    return SavedAnswer(name, mode, depth, asked.get("where"), answer, known(texts))


def check_name(name: str) -> None:
    """Raises BadOption unless `name` can be that of a file everywhere."""
    if not _NAME.fullmatch(name):
        raise BadOption("--save", name, "a name of at most 80 letters, digits, blanks and - _ . between them")


def save(library: Path, saved: SavedAnswer) -> Path:
    """Writes an answer in place of one of the same name, whole or not at all, and returns its file.

    Raises:
        BadOption: The name cannot be that of a file.
        LibraryReadOnly: The disk refuses.
    """
    check_name(saved.name)
    file = _File.model_construct(
        name=saved.name,
        mode=saved.mode,
        depth=saved.depth,
        where=saved.where,
        known=b"".join(sorted(saved.known)),
        told=saved.told,
        answer=saved.answer.to_dict(),
    )
    path = library / FOLDER / f"{saved.name}.json"
    try:
        path.parent.mkdir(exist_ok=True)
        aside = path.with_name(f".{path.name}.part")
        aside.write_text(file.model_dump_json(indent=1) + "\n", "utf-8")
        aside.replace(path)
    except OSError as error:
        raise LibraryReadOnly(library, error.strerror or str(error)) from error
    return path


def names(library: Path) -> tuple[str, ...]:
    """The names of all saved answers, in order."""
    return tuple(sorted(path.stem for path in (library / FOLDER).glob("*.json") if _NAME.fullmatch(path.stem)))


def load(library: Path, name: str) -> SavedAnswer:
    """The saved answer of this name.

    Raises:
        NothingSaved: There is none.
        AnswerUnreadable: Its file is not what `save` wrote.
    """
    if name not in names(library):
        raise NothingSaved(name, names(library))
    path = library / FOLDER / f"{name}.json"
    try:
        file = _File.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError, RecursionError) as error:
        told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise AnswerUnreadable(f"{str(path)!r}: {told}") from error
    every = frozenset(file.known[i : i + _KNOWN_BYTES] for i in range(0, len(file.known), _KNOWN_BYTES))
    return SavedAnswer(name, file.mode, file.depth, file.where, Answer.from_dict(file.answer), every, file.told)
