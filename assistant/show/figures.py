"""Figures of an answer -> words: what was looked at, what it cost, and both beforehand."""

from __future__ import annotations

from assistant.offline import CANDIDATES
from assistant.records import Coverage, Depth, Usage
from assistant.show.prose import plural

_MODEL_READS = {"quick": 16, "thorough": 100}
"""Papers that a language model reads, about."""


def covered(coverage: Coverage, where: str | None = None) -> str:
    """What an answer looked at, in words.

    Args:
        coverage: Of the answer.
        where: The filter that said which papers were asked; None for all of the library.
    """
    papers, judged = plural(coverage.papers, "paper"), coverage.judged
    if judged >= coverage.papers:
        looked = f"All {papers} {'that the filter leaves' if where else 'of the library'} were"
    else:
        asked = f"the {papers} that the filter leaves" if where else f"the library's {papers}"
        looked = f"{judged:,} of {asked} {_were(judged)}"
    show = "none of them shows" if not coverage.relevant else f"{coverage.relevant:,} {_shows(coverage.relevant)}"
    told = f"{looked} looked at closely; {show} what you asked for."
    recall = coverage.estimated_recall
    if recall is None:
        return told
    share, low, high = (round(100 * value) for value in (recall.value, recall.low, recall.high))
    return f"{told} We estimate that this is {share} % of all that do (between {low} and {high} %)."


def beforehand(papers: int, total: int, depth: Depth, usage: Usage) -> str:
    """How many papers will be looked at, and what that will take, before a question is asked.

    Args:
        papers: That the filter lets through.
        total: In the library.
        depth: How many of them are looked at.
        usage: What a language model will be asked for, at most.
    """
    most = _MODEL_READS.get(depth) if usage.calls else CANDIDATES[depth]
    looked = papers if most is None else min(papers, most)
    about = "about " if usage.calls and looked < papers else ""
    which = f"the {plural(papers, 'paper')} that the filter leaves" if papers < total else plural(papers, "paper")
    cost = f"at most about {spent(usage)}" if usage.calls else "no cost"
    return f"Reads {about}{looked:,} of {which} · {cost}"


def spent(usage: Usage) -> str:
    """What a language model was asked for, and its price, in words."""
    if not usage.calls:
        return "no cost"
    tokens = plural(usage.prompt_tokens + usage.completion_tokens, "token")
    price = "price unknown" if usage.cost_usd is None else f"${usage.cost_usd:.4f}" if usage.cost_usd else "no charge"
    return f"{plural(usage.calls, 'call')} · {tokens} · {price}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _shows(count: int) -> str:
    return "shows" if count == 1 else "show"
