"""Whether the sentence that answers holds the fact that was asked for."""

from __future__ import annotations

import re

from evals.records import Outcome, Value


def answer_match(outcome: Outcome) -> Value:
    """1 if the first claim or a quote of the first citation matches a pattern of the case, else 0.

    Source: string match of short answers as in open-domain question answering (Chen et al., ACL 2017), asked of one
    place, so that an answer cannot win by listing everything. Not counted without patterns.
    """
    if not outcome.case.answer_patterns:
        return None
    answer = outcome.answer
    said = " ".join(claim.text for claim in answer.claims[:1])
    quoted = " ".join(quote.text for citation in answer.citations[:1] for quote in citation.quotes)
    return float(any(re.search(pattern, text) for pattern in outcome.case.answer_patterns for text in (said, quoted)))
