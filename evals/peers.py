"""Peers -> table: the same questions, papers and scripted model, for us and for what others would pick.

    python -m evals.peers --library LIBRARY [--paper-qa PYTHON]

Reads the library, changes nothing in it, and prints Markdown. Each system runs in a process of its own and reaches the
model over HTTP on this machine; nothing else is called, and no key is needed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from evals.bench import machine
from evals.cases import OWN_CASES, Asked, read_cases
from evals.errors import EvalsError
from evals.examine import Examiner
from evals.other import OtherSystem
from evals.peer_reader import BELONGS, MOST_SENTENCES, Reader, by_judgements, by_words
from evals.peer_run import PeerFailed, Told, lay_out, told
from evals.peer_server import Encodes, ModelServer
from evals.peer_systems import PEERS
from evals.peer_waits import BEFORE_FIRST_MS, waiting
from evals.peer_waits import HEAD as WAITS_HEAD
from evals.records import Score
from evals.run import run, scores
from ingest import IngestError, Library, Settings
from ingest.minilm import PUBLISHED, MiniLM

QUESTIONS = 20
WAITED = 3
"""Questions of which the waiting is measured."""
MEASURES = (
    "list_f1", "citation_precision", "citation_recall", "nugget_recall", "abstention_precision", "abstention_recall",
)  # fmt: skip
HEAD = ("system", "calls", "prompt tokens", "completion tokens", "seconds", *MEASURES)

HOW = """\
`python -m evals.peers --library LIBRARY --paper-qa PYTHON` prints this over the sample library. PYTHON is that of \
an environment of its own, so that the packages of paper-qa leave ours alone: `python -m venv DIR`, `DIR/bin/pip \
install paper-qa`, `--paper-qa DIR/bin/python`."""
ABOUT = """\
Calls and tokens are the mean of a question, seconds the median: what a system asks of any model, and its own work, \
as this model takes no time. Beside the mean of a measure stands the number of questions it is of. The model is no \
language model but a few rules, and puts a question into no other words, so the quality shows what each system \
finds, shows to the model and keeps, not what a real model would write. LlamaIndex: SentenceSplitter, Chroma and a \
chat model, with its defaults; what it retrieved counts as cited, as it shows that as its sources, and of \
CitationQueryEngine what the text cites. paper-qa: `Docs.aquery` with its defaults (10 summaries, 5 sources) over \
texts that were given to it; its agent, which adds calls, and its look-ups of metadata are left out. These have \
their vectors from the published all-MiniLM-L6-v2, by the same server; ours encode by themselves. Nuggets are looked \
for in what an answer says and quotes; only ours quote. Our ranking was fitted on these questions among others."""
BY_WORDS = f"""\
A paper belongs where {BELONGS:.0%} of the question's words stand in what is shown of it; what is said of it is its \
sentence with most of them, {MOST_SENTENCES} sentences an answer at most; where nothing belongs it refuses."""
BY_JUDGEMENTS = """\
The same, but a paper belongs where those who judged the question say so: what each system would give if its model \
never erred. Most of what our thorough answers miss then is left out by their guard against models that obey the \
papers: the sentences named for a paper must be near to the question, in its own words or those the model adds."""
WAITING = f"""\
The reader that goes by words, which now takes 50 ms for every four characters, about a token. What comes before the \
first request is our own work and its way to the server, and should be {BEFORE_FIRST_MS} ms at most; a thorough \
answer asks the model before it searches, a quick one after. The first question of a process also loads the encoder \
and the tokenizer."""

Serve = Callable[[], ModelServer]


def chosen(asked: Asked, count: int) -> Asked:
    """`count` cases spread evenly over `asked`, so that each type has its share of a file that is in order of type.

    None of a conversation, as no rival has any; all where there are fewer.
    """
    alone = [item for item in asked if not item[0].history]
    count = min(count, len(alone))
    return [alone[place * len(alone) // count] for place in range(count)]


def compared(
    folder: Path, library: Library, asked: Asked, serve: Serve, pythons: Mapping[str, str]
) -> tuple[list[tuple[str, ...]], dict[str, str]]:
    """A row for every system, that of a failed one telling why; and the versions of what they are made of.

    Args:
        folder: Holds what `lay_out` made of `library` and `asked`, and a copy of the library.
        library: By which answers are scored.
        asked: The questions.
        serve: Makes the server that each system asks.
        pythons: The Python that runs a system, by its name; this one where there is none.
    """
    rows, versions, examiner = [], dict[str, str](), Examiner(library)
    for name, peer in PEERS.items():
        try:
            with serve() as server:
                done = told(name, folder, server, pythons.get(name, sys.executable))
        except PeerFailed as failure:
            rows.append((peer.what, failure.why, *[""] * (len(HEAD) - 2)))
            continue
        system = OtherSystem(folder / f"{name}.jsonl", library, [case for case, _ in asked])
        rows.append(row(peer.what, done, scores(list(run(system, asked, examiner)))))
        versions |= done.versions
    return rows, versions


def row(what: str, done: Told, measured: Mapping[str, Score]) -> tuple[str, ...]:
    """What one system did, a cell for each of HEAD."""
    questions = len(done.lines)
    prompts, completions = (sum(getattr(call, kind) for call in done.calls) for kind in _TOKENS)
    return (
        what,
        f"{len(done.calls) / questions:.1f}",
        f"{prompts / questions:,.0f}",
        f"{completions / questions:,.0f}",
        f"{median(line['seconds'] for line in done.lines):.2f}",
        *(_score(measured[name]) for name in MEASURES),
    )


_TOKENS = ("prompt_tokens", "completion_tokens")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _score(value: Score) -> str:
    return "none" if value.mean is None else f"{value.mean:.2f} ({value.n})"


def report(options: argparse.Namespace, encoder: Encodes) -> str:
    """Everything measured, as Markdown.

    Raises:
        EvalsError: The cases cannot be used, or one of our own systems failed while its waits were measured.
        IngestError: See `Library.open`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(options.library, folder / "library")
        with Library.open(folder / "library", Settings(library=folder / "library", offline=True)) as library:
            asked = chosen(read_cases([options.cases], library), options.count)
            lay_out(folder, library, asked)
            tables, versions = [], dict[str, str]()
            for relevance in (by_words, by_judgements(asked)):
                serve = partial(ModelServer, Reader(relevance), encoder)
                rows, made_of = compared(folder, library, asked, serve, {"paper_qa": options.paper_qa})
                tables.append(table(HEAD, rows))
                versions |= made_of
            papers = len(library)
            lay_out(folder, library, asked[:WAITED])
        waited = waiting(folder, encoder)
    ids = " ".join(case.id for case, _ in asked)
    parts = [
        "# Beside others",
        HOW,
        f"{len(asked)} questions about {papers} papers, spread evenly over {options.cases.name}: {ids}.",
        ABOUT,
        "## A reader that goes by words", BY_WORDS, tables[0],
        "## A reader that never errs", BY_JUDGEMENTS, tables[1],
        "## Waiting", WAITING, table(WAITS_HEAD, waited),
        f"{machine(versions)}.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, required=True, help="folder of the sample library, or of your own")
    parser.add_argument("--paper-qa", default=sys.executable, help="Python of an environment with paper-qa (this one)")
    parser.add_argument("--cases", type=Path, default=OWN_CASES, help="judged questions about it, JSON lines")
    parser.add_argument("--count", type=int, default=QUESTIONS, help=f"questions of them to ask (default {QUESTIONS})")
    parser.add_argument("--out", type=Path, help="also write the tables there")
    options = parser.parse_args()
    try:
        text = report(options, MiniLM(PUBLISHED))
    except (EvalsError, IngestError) as error:
        parser.error(str(error))
    print(text, end="")
    if options.out:
        options.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
