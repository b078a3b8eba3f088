"""Command -> examples: what `whichpapers COMMAND --help` ends with; tests run them as they stand."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "ingest": (
        "whichpapers ingest --sample",
        "whichpapers ingest pages/ refs.bib export.csv --library my-library",
        "whichpapers ingest table.csv --column title=Name --column abstract=Notes --library my-library",
    ),
    "ask": (
        'whichpapers ask "which papers use the Hessian?" --library my-library',
        'whichpapers ask "which papers use the Hessian?" --where "year >= 2022" --library my-library',
        'whichpapers ask "which papers use the Hessian?" --format json --library my-library > answer.json',
        'whichpapers ask "which papers use the Hessian?" --format bibtex --library my-library > answer.bib',
        'whichpapers ask "which papers use the Hessian?" --save hessian --bundle hessian.zip --library my-library',
    ),
    "replay": ("whichpapers replay hessian.zip",),
    "table": ('whichpapers table "which papers quantize?" --columns "method, bits" --library my-library',),
    "search": (
        'whichpapers search "second derivatives" -k 3 --library my-library',
        'whichpapers search "second derivatives" --format json --library my-library',
    ),
    "verify": ("whichpapers verify answer.json --library my-library",),
    "export": (
        "whichpapers export answer.json --format footnotes --library my-library > answer.md",
        "whichpapers export answer.json --format evidence --library my-library > evidence.html",
    ),
    "papers": (
        'whichpapers papers --where "has_code" --library my-library',
        "whichpapers papers --export ris --library my-library > papers.ris",
    ),
    "prompts": ("whichpapers prompts judge --library my-library",),
    "news": ("whichpapers news --library my-library",),
    "rebuild": ("whichpapers rebuild --library my-library",),
    "doctor": ("whichpapers doctor --library my-library",),
}


def epilog(command: str) -> str | None:
    r"""The end of a command's help; Click leaves lines as they are where they begin with \b."""
    lines = EXAMPLES.get(command, ())
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines))) if lines else None
