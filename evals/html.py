"""Outcomes -> report.html: one file that needs nothing from elsewhere, all text in it escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from assistant.records import Citation
from evals import plots
from evals.compare import Comparison, verdict
from evals.manifest import in_a_line
from evals.measures import COSTS
from evals.records import UNSCORED, Outcome, Score
from evals.run import applying, by_type, scores, values

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .15rem .7rem; border-bottom: 1px solid #ddd;
text-align: left; vertical-align: top; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
details { border-bottom: 1px solid #ddd; padding: .3rem 0; } summary { cursor: pointer; }
blockquote { margin: .2rem 0 .2rem 1rem; color: #555; } pre { white-space: pre-wrap; background: #f6f6f6;
padding: 1rem; }
.hit { color: #17692f; } .miss, .worse { color: #a32020; } .false { color: #8a5a00; } .better { color: #17692f; }
svg text { font-size: 12px; fill: #333; } svg circle, svg rect { fill: #2b5c8a; }
svg .axis { stroke: #e3e3e3; } svg .range { stroke: #2b5c8a; stroke-width: 2; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } pre { background: #222; }
svg text { fill: #ccc; } blockquote { color: #aaa; } .hit, .better { color: #6fce8a; } .miss, .worse { color: #ff8a80; }
.false { color: #e0b050; } td, th, details { border-color: #444; } svg .axis { stroke: #444; } }
"""


def page(
    about: Mapping[str, Any], notes: Iterable[str], outcomes: Sequence[Outcome], comparisons: Sequence[Comparison]
) -> str:
    """The whole report."""
    overall = applying(scores(outcomes))
    told = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in about.items())
    parts = [
        f"<h1>How good the answers are</h1><p>{escape(in_a_line(about))}</p>",
        "".join(f"<p>{escape(note)}</p>" for note in notes),
        _picture(overall),
        _scores(overall),
        f"<details><summary>What was run</summary><table>{told}</table></details>",
        "<h2>By type</h2>",
        _types(by_type(outcomes)),
        "".join(_comparison(comparison) for comparison in comparisons),
        "<h2>Time and cost</h2>",
        _costs(outcomes),
        "<h2>Questions</h2>",
        "<p>Worst first: what was cited, what was missed, and what the answer should have told.</p>",
        "".join(_question(outcome) for outcome in sorted(outcomes, key=_merit)),
    ]
    policy = f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
    head = f'<meta charset="utf-8">{policy}<title>whichpapers: evaluation</title><style>{_STYLE}</style>'
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _picture(overall: Mapping[str, Score]) -> str:
    rows = [
        (name, value.mean, value.low, value.high)
        for name, value in overall.items()
        if not name.startswith(COSTS) and value.mean is not None and value.low is not None and value.high is not None
    ]
    return plots.intervals(rows)


def _scores(overall: Mapping[str, Score]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{_numbers(value.mean, value.low, value.high)}"
        f"<td class=n>{value.n}</td><td class=n>{value.unscored}</td></tr>"
        for name, value in overall.items()
    )
    head = "<tr><th>measure</th><th>mean</th><th>low</th><th>high</th><th>cases</th><th>unscored</th></tr>"
    return f"<table>{head}{rows}</table><p>Low and high bound a 95 % bootstrap interval over questions.</p>"


def _numbers(*numbers: float | None) -> str:
    return "".join(f"<td class=n>{'' if number is None else f'{number:.3f}'}</td>" for number in numbers)


def _types(groups: Mapping[str, Mapping[str, Score]]) -> str:
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    head = "".join(f"<th>{escape(name)}</th>" for name in groups)
    rows = ""
    for name in names:
        means = (group[name].mean if name in group else None for group in groups.values())
        rows += f"<tr><th>{escape(name)}</th>{_numbers(*means)}</tr>"
    return f"<table><tr><th>measure</th>{head}</tr>{rows}</table>"


def _comparison(found: Comparison) -> str:
    head = "<tr><th>measure</th><th>before</th><th>after</th><th>low</th><th>high</th><th>p</th><th></th></tr>"
    rows = ""
    for name, one in found.differences.items():
        word = verdict(name, one)
        numbers = _numbers(one.before, one.after, one.low, one.high, one.p_holm)
        rows += f'<tr><th>{escape(name)}</th>{numbers}<td class="{word.split()[-1]}">{word}</td></tr>'
    title = f"<h2>{escape(found.after)} against {escape(found.before)}</h2>"
    note = "<p>Low and high bound the difference; p is corrected for the number of measures.</p>"
    return f"{title}<table>{head}{rows}</table>{note}"


def _costs(outcomes: Sequence[Outcome]) -> str:
    times = [outcome.reply.seconds for outcome in outcomes if outcome.reply.seconds is not None]
    stages: dict[str, list[float]] = {}
    for outcome in outcomes:
        for stage, seconds in outcome.answer.trace.seconds.items():
            stages.setdefault(stage, []).append(seconds)
    means = {stage: sum(seconds) / len(seconds) for stage, seconds in stages.items()}
    usage = [outcome.answer.usage for outcome in outcomes]
    parts = ["<h3>Seconds a question</h3>", plots.histogram(times, "s")]
    parts += ["<h3>Mean seconds a stage</h3>", plots.bars(means, "s")]
    if any(one.prompt_tokens for one in usage):
        tokens = [float(one.prompt_tokens + one.completion_tokens) for one in usage]
        parts += ["<h3>Tokens a question</h3>", plots.histogram(tokens, "tokens")]
    if any(one.cost_usd for one in usage):
        parts += ["<h3>Price of a question</h3>", plots.histogram([one.cost_usd or 0.0 for one in usage], "US dollars")]
    return "".join(parts)


def _merit(outcome: Outcome) -> tuple[float, str]:
    """The mean of all measures of quality, by which questions are ordered."""
    known = [v for name, v in values(outcome).items() if name not in COSTS and isinstance(v, float)]
    return (sum(known) / max(1, len(known)), outcome.case.id)


def _question(outcome: Outcome) -> str:
    case, answer = outcome.case, outcome.answer
    cited = {citation.paper.id for citation in answer.citations}
    hits = sum(paper_id in outcome.relevant for paper_id in cited)
    told = "".join(f"<p>{escape(turn['role'])}: {escape(turn['content'])}</p>" for turn in case.history)
    found = f"{hits} of {len(outcome.relevant)} found, {len(cited) - hits} false"
    state = outcome.reply.failure or ("says no" if answer.abstained else found)
    inside = [
        told,
        "".join(_citation(citation, outcome) for citation in answer.citations),
        "".join(f'<p class="miss">{escape(title)} (missed)</p>' for title in outcome.missed),
        _nuggets(outcome),
        f"<p>{_measures(outcome)}</p>",
        f"<details><summary>the answer as it was given</summary><pre>{escape(answer.text)}</pre></details>",
    ]
    head = f"<b>{escape(case.id)}</b> {escape(case.type)}: {escape(case.question)} <i>({escape(state)})</i>"
    return f"<details><summary>{head}</summary>{''.join(inside)}</details>"


def _citation(citation: Citation, outcome: Outcome) -> str:
    quotes = "".join(f"<blockquote>{escape(quote.text)}</blockquote>" for quote in citation.quotes)
    kind, word = ("hit", "relevant") if citation.paper.id in outcome.relevant else ("false", "not relevant")
    return f'<p class="{kind}">{citation.number}. {escape(citation.paper.title)} ({word})</p>{quotes}'


def _nuggets(outcome: Outcome) -> str:
    rows = ""
    for nugget, told in zip(outcome.case.nuggets, outcome.told, strict=True):
        word = "unscored" if told is None else "told" if told >= 1 else "in part" if told > 0 else "not told"
        kind = "" if told is None else "hit" if told > 0 else "miss"
        vital = " (vital)" if nugget.vital else ""
        rows += f'<li class="{kind}">{escape(nugget.text)}{vital}: {word}</li>'
    return f"<ul>{rows}</ul>" if rows else ""


def _measures(outcome: Outcome) -> str:
    told = {name: value for name, value in values(outcome).items() if value is not None}
    return escape(", ".join(f"{name} {value if value == UNSCORED else f'{value:.3g}'}" for name, value in told.items()))
