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
    """Whether each of `lines` that cites something says no more than that, by its place from 0, as far as it is told.

    Raises:
        ChatFailed: The model gave no usable reply.
    """
    verdicts = asker.form("verify", Verdicts, MAX_TOKENS, claims=claims(lines))
    told = dict.fromkeys(verdicts.supported, True) | dict.fromkeys(verdicts.unsupported, False)
    return {number - 1: supported for number, supported in told.items() if 1 <= number <= len(lines)}


def claims(lines: Sequence[Line]) -> str:
    """The lines that cite something, as the prompt shows them: by their place from 1, rows with their header."""
    shown, header = [], ""
    for number, line in enumerate(lines, start=1):
        header = "" if not line.is_row else header or line.text
        if line.references:
            shown.append(_claim(number, line, header))
    return "\n\n".join(shown)


def _claim(number: int, line: Line, header: str) -> str:
    sentence = f"SENTENCE {number}: {neutral(line.text)}"
    columns = [f"  a row under: {neutral(header)}"] if header and header != line.text else []
    titles = dict.fromkeys(neutral(reference.sheet.paper.title) for reference in line.references)
    papers = [f"  from: {title}" for title in titles]
    cited = [f"  cites: {neutral(reference.quote.text)}" for reference in line.references]
    return "\n".join([sentence, *columns, *papers, *cited, "END"])
