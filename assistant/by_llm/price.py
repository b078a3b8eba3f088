"""Library, depth -> price: what an answer will ask of a model, before it is asked."""

from __future__ import annotations

from itertools import islice

from assistant.by_llm import judge, understand, verify, write
from assistant.by_llm.judge import BATCH_TOKENS, MAX_AGAIN
from assistant.by_llm.reasoner import ANSWER_TOKENS, JUDGE_TOKENS, QUICK_TOKENS
from assistant.by_llm.sheets import sheets
from assistant.llm.meter import cost_usd
from assistant.pile import Pile
from assistant.records import Depth, PaperHit, Usage

_SAMPLE = 40
_PAPER_TOKENS = 400
_PROMPT_TOKENS = 500
"""Of the rules and a prompt, beside the papers."""


def price(pile: Pile, model: str | None, depth: Depth) -> Usage:
    """The calls, tokens and cost of an answer, at most.

    Args:
        pile: The lengths of its papers are taken from the library's first forty.
        model: Name, for the price; None for one on this machine, which costs nothing.
        depth: How much is read.

    Returns:
        With `cost_usd` None where the model's price is not known.
    """
    judging = _judging(pile, depth)
    again = min(MAX_AGAIN, pile.about.papers)
    calls = 1 + (depth != "quick") * (2 + -(-judging // BATCH_TOKENS) + again)
    papers = QUICK_TOKENS if depth == "quick" else judging + again * _PAPER_TOKENS + ANSWER_TOKENS + ANSWER_TOKENS // 2
    prompt = papers + calls * _PROMPT_TOKENS
    written = write.MAX_TOKENS
    if depth != "quick":
        written += understand.MAX_TOKENS + verify.MAX_TOKENS + (calls - 3) * judge.MAX_TOKENS // 4
    return Usage(calls, prompt, written, 0.0 if model is None else cost_usd(model, prompt, written))


def _judging(pile: Pile, depth: Depth) -> int:
    if depth == "quick":
        return 0
    some = tuple(islice(pile.library.store.every_paper(), _SAMPLE))
    drawn = tuple(sheets(pile.library, [PaperHit(paper, 0.0, (), {}) for paper in some]))
    every = pile.about.papers * sum(sheet.tokens for sheet in drawn) // max(len(drawn), 1)
    return every if depth == "exhaustive" else min(every, JUDGE_TOKENS)
