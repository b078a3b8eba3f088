"""Text of an answer -> problems: before markers stands the claim that cites just these, around it what belongs there.

Where the answer was made with other wordings than those of this version (its trace tells), what stands around the
claims is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import get_args

from assistant.compose import escape
from assistant.records import Answer, Citation, Claim, ReasonKind
from prompts import render, sha256

_RUN = re.compile(r"(?<!\\)\[\d{1,9}\](?:\s*\[\d{1,9}\])*")
_NUMBER = re.compile(r"\d+")
_REASONS = tuple(f"reason_{kind}" for kind in get_args(ReasonKind))
_WORDINGS = (
    "list", "compare", "fact", "also", "item", "item_said", "quote", "near_misses", "near_miss", "notice", *_REASONS,
)  # fmt: skip
"""The texts of prompts/ that answers are framed in."""


def strays(answer: Answer) -> Iterator[str]:
    """What of the answer's text is no claim, or no frame of one; after a run of markers that is off, nothing more."""
    frame = _Frame(answer)
    begun, claims = 0, iter(answer.claims)
    for run in _RUN.finditer(answer.text):
        numbers = tuple(map(int, _NUMBER.findall(run[0])))
        before, claim = answer.text[begun : run.start()], next(claims, None)
        head = _head(before, claim) if claim and claim.citations == numbers else None
        if head is None:
            yield f"what stands before {run[0]} is no claim that cites just this: {before.strip()[-60:]!r}"
            return
        yield from frame.strays(head, numbers)
        begun = run.end()
    yield from frame.strays(answer.text[begun:], ())
    for claim in claims:
        yield f"claim is not in the text: {claim.text[:60]!r}"


def _head(before: str, claim: Claim) -> str | None:
    """What stands before `claim` and its markers; None where the claim does not stand there."""
    said = escape(claim.text.rstrip("| ") if claim.text.startswith("|") else claim.text)
    for told in (f"“{said}” ", f"{said} "):
        if said and before.endswith(told):
            return before.removesuffix(told)
    return None


class _Frame:
    """What may stand around the claims of an answer, line by line."""

    def __init__(self, answer: Answer) -> None:
        self._papers = {citation.number: citation for citation in answer.citations}
        ours = all(answer.trace.prompts.get(name, sha256(name)) == sha256(name) for name in _WORDINGS)
        lines = map(str.strip, "\n".join(_pieces(answer)).splitlines())
        self._lines = frozenset(filter(None, lines)) if ours else None
        self._by_model, self._kind = answer.mode == "llm", answer.kind

    def strays(self, text: str, numbers: Sequence[int]) -> Iterator[str]:
        """The lines of `text` that belong to no frame of a claim that cites `numbers`."""
        if self._lines is None:
            return
        items = {_item(self._papers[number]) for number in numbers if number in self._papers}
        for line in filter(None, map(str.strip, text.splitlines())):
            if not self._is_row(line) and line not in self._lines and line.removesuffix(":") not in items:
                yield f"the text says what is no claim: {line[:60]!r}"

    def _is_row(self, line: str) -> bool:
        """Whether it is a row that cites nothing, such as a header, of a model's table; or the end of one that does."""
        return self._by_model and (line == "|" or (self._kind in ("fact", "compare") and line.startswith("|")))


def _item(citation: Citation) -> str:
    return render("item", title=escape(citation.paper.title), quotes="")


def _pieces(answer: Answer) -> Iterator[str]:
    counts = {"papers": answer.coverage.papers, "judged": answer.coverage.judged}
    for notice in answer.notices:
        yield render("notice", notice=notice)
    if answer.kind == "none":
        yield from (render(name, **counts) for name in _REASONS)
        yield render("near_misses", items="")
        for miss in answer.near_misses:
            yield render("near_miss", title=escape(miss.paper.title), lacks=escape(miss.lacks))
    elif answer.kind == "fact":
        for first in answer.citations[:1]:
            yield render("fact", title=escape(first.paper.title), quotes="")
        yield render("also", items="")
    else:
        yield render(answer.kind, items="", found=len(answer.citations), **counts)
