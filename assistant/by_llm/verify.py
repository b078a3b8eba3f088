"""Lines -> supported lines, by a language model: each sentence read against the sentences it cites, all in one call."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from assistant.by_llm.asker import Asker
from assistant.by_llm.sheets import neutral
from assistant.by_llm.write import Line

MAX_TOKENS = 600


class Verdicts(BaseModel):
    """The sentences by number, by what the model says of them."""

    supported: list[int]
    unsupported: list[int]


def verify(asker: Asker, lines: Sequence[Line]) -> dict[int, bool]:
    """Whether each of `lines` says no more than what it cites, by its place from 0; those not told of are left out.

    Raises:
        ChatFailed: The model gave no usable reply.
    """
    verdicts = asker.form("verify", Verdicts, MAX_TOKENS, claims="\n\n".join(map(_claim, range(len(lines)), lines)))
    told = dict.fromkeys(verdicts.supported, True) | dict.fromkeys(verdicts.unsupported, False)
    return {number - 1: supported for number, supported in told.items() if 1 <= number <= len(lines)}


def _claim(place: int, line: Line) -> str:
    cited = "\n".join(f"  cites: {neutral(reference.quote.text)}" for reference in line.references)
    titles = dict.fromkeys(neutral(reference.sheet.paper.title) for reference in line.references)
    papers = "\n".join(f"  from: {title}" for title in titles)
    return f"SENTENCE {place + 1}: {neutral(line.text)}\n{papers}\n{cited}\nEND"
