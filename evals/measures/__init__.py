"""Outcome -> value: each measure a pure function (see `records.Value` for what it may say)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evals.measures import abstention, answer_match, cost, groundedness, lists, nuggets, quotes, ranking
from evals.records import Outcome, Value

Measure = Callable[[Outcome], Value]

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
    "nugget_recall": nuggets.recall,
    "vital_nugget_recall": nuggets.vital_recall,
    "citation_precision": lists.citation_precision,
    "citation_recall": lists.citation_recall,
    "quote_validity": quotes.quote_validity,
    "groundedness": groundedness.groundedness,
    "abstention_precision": abstention.precision,
    "abstention_recall": abstention.recall,
    "failures": cost.failures,
    "seconds": cost.seconds,
    "prompt_tokens": cost.prompt_tokens,
    "cost_usd": cost.cost_usd,
}
"""In the order of reports. All but COSTS are in [0, 1], greater is better."""

COSTS = ("failures", "seconds", "prompt_tokens", "cost_usd")
"""Measures of which less is better. `seconds` is reported by its quantiles."""
