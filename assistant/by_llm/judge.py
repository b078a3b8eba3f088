"""Sheets -> Judgements, by a language model: batches of papers side by side, each paper judged by itself.

The model names papers, conditions and sentences by number. Whether a paper belongs in the answer follows from the
conditions it meets, and its proof is the library's text of the sentences named.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from pydantic import BaseModel

from assistant.by_llm.asker import Asker
from assistant.by_llm.sheets import Sheet
from assistant.llm.records import ChatFailed
from assistant.llm.tokens import count
from assistant.records import Judgement, Query, Quote, Role, Stage
from prompts import render

BATCH_TOKENS = 3_600
"""Papers of one call: about a dozen abstracts, so that each is read with care."""
MAX_TOKENS = 1_500
MAX_QUOTES = 3
LIKELY = 0.3
"""Probability, before any model has read it, from which on one reading beside other papers does not reject a paper."""
MAX_AGAIN = 3
"""Papers that are read a second time at most, by themselves."""
_NOBODY_THERE = ("unreachable", "timeout", "quota")
"""Failures after which the batches that wait would only wait in vain."""


class Finding(BaseModel):
    """What the model says of one paper."""

    paper: int
    meets: list[int]
    role: Role | None = None
    sentences: list[int]


class Findings(BaseModel):
    """What the model says of a batch; papers that meet no condition are left out."""

    papers: list[Finding]


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgements on all papers that could be judged."""

    judgements: tuple[Judgement, ...]
    """In the order of the sheets."""
    failures: tuple[ChatFailed, ...]
    """Of the batches that could not be judged."""
    unknown_keys: int
    """Papers and sentences that the model named and nobody gave it."""


def judge(asker: Asker, query: Query, sheets: Sequence[Sheet], at_once: int) -> Generator[Stage, None, Judged]:
    """Judges the papers of `sheets`, some batches at a time, telling how far it is.

    Raises:
        ChatFailed: Fewer than half of the papers could be judged.
    """
    conditions = query.criteria or (query.text,)
    found: dict[int, Judgement] = {}
    failures: list[ChatFailed] = []
    unknown = 0
    yield Stage("judge", f"0 of {len(sheets)} papers", 0, len(sheets))
    for batch, outcome in _side_by_side(asker, query, batches(sheets), at_once):
        if isinstance(outcome, ChatFailed):
            failures.append(outcome)
        else:
            judgements, strangers = _read(batch, outcome, conditions)
            found |= judgements
            unknown += strangers
        yield Stage("judge", f"{len(found)} of {len(sheets)} papers", len(found), len(sheets))
    if failures and len(found) < len(sheets) / 2:
        raise failures[0]
    for batch, outcome in _side_by_side(asker, query, doubted(sheets, found), at_once):
        if not isinstance(outcome, ChatFailed):
            judgements, strangers = _read(batch, outcome, conditions)
            found |= judgements
            unknown += strangers
    return Judged(tuple(found[key] for key in sorted(found)), tuple(failures), unknown)


def batches(sheets: Iterable[Sheet]) -> Iterator[tuple[Sheet, ...]]:
    """Batches of about the same size, in order. A paper whose text gives orders is judged apart from all others."""
    sheets = tuple(sheets)
    together = [sheet for sheet in sheets if not sheet.withheld]
    total = sum(sheet.tokens for sheet in together)
    room = total / max(1, math.ceil(total / BATCH_TOKENS))
    batch: list[Sheet] = []
    for sheet in together:
        batch.append(sheet)
        if sum(each.tokens for each in batch) >= room:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)
    yield from ((sheet,) for sheet in sheets if sheet.withheld)


def doubted(sheets: Iterable[Sheet], found: Mapping[int, Judgement]) -> Iterator[tuple[Sheet, ...]]:
    """What was rejected beside other papers against all likelihood, each by itself: one of those may have given orders.

    An order that `orders` does not know can turn the model against the papers beside it, but against none that is read
    alone.
    """
    rejected = (
        sheet for sheet in sheets if sheet.key in found and not found[sheet.key].satisfied and not sheet.withheld
    )
    likely = sorted((s for s in rejected if s.hit.similarity >= LIKELY), key=lambda s: (-s.hit.similarity, s.key))
    return ((sheet,) for sheet in likely[:MAX_AGAIN])


def overhead_tokens(query: Query) -> int:
    """Tokens that each batch costs beside its papers."""
    return count(render("rules")) + count(render("judge", **fields(query, "")))


def fields(query: Query, papers: str) -> dict[str, str]:
    """What a prompt about papers is filled with: the question, its numbered conditions, and the papers."""
    conditions = query.criteria or (query.text,)
    numbered = "\n".join(f"{number}. {condition}" for number, condition in enumerate(conditions, start=1))
    return {"question": query.text, "criteria": numbered, "papers": papers}


def _side_by_side(
    asker: Asker, query: Query, all_batches: Iterable[tuple[Sheet, ...]], at_once: int
) -> Iterator[tuple[tuple[Sheet, ...], Findings | ChatFailed]]:
    """The outcome of each batch, as it comes."""

    def ask(batch: Sequence[Sheet]) -> Findings | ChatFailed:
        try:
            papers = "\n\n".join(sheet.text for sheet in batch)
            return asker.form("judge", Findings, MAX_TOKENS, **fields(query, papers))
        except ChatFailed as failure:
            return failure

    pool = ThreadPoolExecutor(at_once, "judge")
    try:
        asked: dict[Future[Findings | ChatFailed], tuple[Sheet, ...]] = {
            pool.submit(ask, batch): batch for batch in all_batches
        }
        for future in as_completed(asked):
            outcome = future.result()
            yield asked[future], outcome
            if isinstance(outcome, ChatFailed) and outcome.kind in _NOBODY_THERE:
                break
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read(
    batch: Sequence[Sheet], findings: Findings, conditions: Sequence[str]
) -> tuple[dict[int, Judgement], int]:  # fmt: skip
    """The judgement on each paper of a batch, by key, and how many names in the reply stand for nothing."""
    keys = {sheet.key for sheet in batch}
    told = {finding.paper: finding for finding in reversed(findings.papers)}
    strangers = len(told.keys() - keys)
    judgements = {}
    for sheet in batch:
        finding = told.get(sheet.key, Finding(paper=sheet.key, meets=[], sentences=[]))
        quotes = [quote for number in dict.fromkeys(finding.sentences) if (quote := sheet.quote(number))]
        strangers += len(set(finding.sentences)) - len(quotes)
        judgements[sheet.key] = _judgement(sheet, finding, tuple(quotes), conditions)
    return judgements, strangers


def _judgement(sheet: Sheet, finding: Finding, quotes: tuple[Quote, ...], conditions: Sequence[str]) -> Judgement:
    missed = [text for number, text in enumerate(conditions, start=1) if number not in finding.meets]
    satisfied = not missed and bool(quotes)
    lacks = None
    if not satisfied and len(missed) < len(conditions):
        lacks = f"does not show: {missed[0]}" if missed else "no sentence was named that shows it"
    return Judgement(
        paper=sheet.paper,
        relevance=after_reading(sheet.hit.similarity, satisfied=satisfied),
        satisfied=satisfied,
        quotes=quotes[:MAX_QUOTES] if satisfied else sheet.hit.evidence,
        role=finding.role if satisfied else None,
        lacks=lacks,
    )


SENSITIVITY, SPECIFICITY = 0.94, 0.99
"""Of a model's verdict on a paper: what a reader's verdicts came to on judged questions (evals/recorded)."""


def after_reading(prior: float, *, satisfied: bool) -> float:
    """The probability that a paper is relevant, once the model has read it (Bayes' rule).

    Args:
        prior: Before, in [0, 1].
        satisfied: The model's verdict.
    """
    prior = min(max(prior, 0.001), 0.999)
    if_relevant, if_not = (SENSITIVITY, 1 - SPECIFICITY) if satisfied else (1 - SENSITIVITY, SPECIFICITY)
    return prior * if_relevant / (prior * if_relevant + (1 - prior) * if_not)
