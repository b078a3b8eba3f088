"""File -> Questions: what the encoder is trained on and measured by, graded, with the abstracts they are about."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.split import sentence_spans

QUESTIONS = Path(__file__).with_name("training") / "questions.jsonl"
KEPT = 3
"""Every third group of questions is kept from the encoder, to measure it by."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the ids of the ten papers it was written over, and the grades of those that answer it."""

    text: str
    group: int
    papers: tuple[str, ...]
    grades: Mapping[str, int]
    """1 in part, 2 fully; papers not named do not answer it."""

    @property
    def kept(self) -> bool:
        """Whether the encoder is not trained on it, nor on its papers."""
        return self.group % KEPT == 0


@dataclass(frozen=True, slots=True)
class Abstract:
    """A paper of the pool."""

    title: str
    text: str

    @property
    def whole(self) -> str:
        """What a library's vector of the whole abstract is made of."""
        return f"{self.title}. {self.text}"

    @property
    def passages(self) -> tuple[str, ...]:
        """The title with each sentence; the title where there is none."""
        return tuple(f"{self.title}. {sentence}" for sentence in self.sentences) or (self.whole,)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Of the abstract."""
        return tuple(self.text[start:end] for start, end in sentence_spans(self.text))


def read_questions(path: Path = QUESTIONS) -> list[Question]:
    """All questions, in the file's order."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [Question(row["question"], row["group"], tuple(row["papers"]), row["grades"]) for row in rows]


def read_pool(path: Path, wanted: frozenset[str]) -> dict[str, Abstract]:
    """The wanted papers of a compressed file of JSON lines with `_id`, `title` and `text`, by id."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return {row["_id"]: Abstract(_plain(row["title"]), _plain(row["text"])) for row in rows if row["_id"] in wanted}


def _plain(text: str) -> str:
    return " ".join(text.split())
