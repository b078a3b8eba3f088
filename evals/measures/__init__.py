"""Outcome -> value: each measure a pure function, None where it does not apply to the case."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evals.measures import abstention, answer_match, cost, lists, quotes, ranking
from evals.records import Outcome

Measure = Callable[[Outcome], float | None]

MEASURES: Mapping[str, Measure] = {
    "ndcg@10": ranking.ndcg_at_10,
    "recall@10": ranking.recall_at(10),
    "recall@20": ranking.recall_at(20),
    "recall@50": ranking.recall_at(50),
    "mrr": ranking.reciprocal_rank,
    "list_precision": lists.precision,
    "list_recall": lists.recall,
    "list_f1": lists.f1,
    "answer_match": answer_match.answer_match,
    "citation_precision": lists.citation_precision,
    "citation_recall": lists.citation_recall,
    "quote_validity": quotes.quote_validity,
    "abstention_precision": abstention.precision,
    "abstention_recall": abstention.recall,
    "prompt_tokens": cost.prompt_tokens,
    "cost_usd": cost.cost_usd,
}
"""In the order of reports. All but the last two are in [0, 1], greater is better."""
