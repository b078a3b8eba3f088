"""Text <-> TeX: what a .bib file says becomes the text it means, and what we write means the text we hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import ingest
from ingest.clean import stored
from ingest.read import read
from ingest.records import Paper
from ingest.references import bibtex
from ingest.tex import paired, tex_of, text_of
from tests.pages import page, papers
from tests.timing import within

SAMPLE = Path(ingest.__file__).parent / "sample" / "digests.jsonl"
N = 20_000

PIECES = (
    "a", "B", "é", "ß", "5", " ", " ", ",", ".", "$", "$x_1$", r"$\mathcal{O}(k^{-3})$", "$5 and $6", r"\(\times\)",
    r"\[x\]", "$$y$$", "%", r"\%", "&", "_", "#", "{", "}", "{}", r"\{", r"\}", "\\", r"\emph{all}", r"{\it so}",
    r"Schr\"odinger", r"\'{e}", r"\c{c}", r"{\ss}", r"\ss ", r"\textbackslash{}", r"\unknown{x}", "^{2}", "~", "--",
    "---", "``", "''", "'", "`", "-", "@", "@article{a,", "https://a.io/~x--y", '"', "=", "\u0301",
)  # fmt: skip
_text = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join)
_word = _text.map(lambda text: stored(f"We {text} end")).filter(lambda text: len(text) < 500)


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"Not \emph{all} \textit{italic words} \texttt{code}", "Not all italic words code"),
        (r"{\it single-loop} and \textbf{very \emph{deep}} nets", "single-loop and very deep nets"),
        (r"G{\"o}del, Poincar\'e, Stra\ss e, {\O}, Wa\l\k{e}sa", "Gödel, Poincaré, Straße, Ø, Wałęsa"),
        (r"Dvo{\v{r}}{\'a}k, na{\"\i}ve", "Dvořák, naïve"),
        (r"A \& B, 5\%, x\_1, \#2, \$3, \{a\}", "A & B, 5%, x_1, #2, $3, {a}"),
        (r"pages 1--9---all, ``so'', Fig.~1", "pages 1–9—all, “so”, Fig. 1"),
        (r"{BERT} and {$\ell_1$}", r"BERT and $\ell_1$"),
        (r"$\mathcal{O}(k^{-3})$, $\textit{a}~{b}$", r"$\mathcal{O}(k^{-3})$, $\textit{a}~{b}$"),
        (r"\(x--y\), \[z~{}\], $$\alpha~$$", r"\(x--y\), \[z~{}\], $$\alpha~$$"),
        (r"\foo{bar}{baz} of \alpha", r"\foo{bar}{baz} of \alpha"),
        (r"costs $5 \emph{each}", "costs $5 each"),
        (r"see \url{https://a.io/x\_y} or https://a.io/~x--y", "see https://a.io/x_y or https://a.io/~x--y"),
        (r"1 \textless{} 2, a\textsuperscript{b}, C:\textbackslash{}d\textasciitilde", "1 < 2, ab, C:\\d~"),
        (r"Schr{}\"odinger, {}{\it so}, {}--", r"Schr\"odinger, {\it so}, --"),
    ],
)  # fmt: skip
def test_tex_means_its_text(tex: str, text: str) -> None:
    assert text_of(tex) == text


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        (r"Rates of $\mathcal{O}(k^{-3})$", r"Rates of $\mathcal{O}(k^{-3})$"),
        ("5% & more of x_1 #1", r"5\% \& more of x\_1 \#1"),
        ("from $5 to $6, or US$7", r"from \$5 to \$6, or US\$7"),
        (r"a lone $ and $x$", r"a lone \$ and $x$"),
        ("$50%$, $\\{x$", r"\$50\%\$, \$\textbackslash{}\textbraceleft{}x\$"),
        (r"\pi_0 ~ x^2", r"\textbackslash{}pi\_0 \textasciitilde{} x\textasciicircum{}2"),
        (r"Schr\"odinger, 80\%", r"Schr{}\"odinger, 80{}\%"),
        ("{a_b} {so", r"\{a\_b\} \textbraceleft{}so"),
    ],
)
def test_text_is_written_as_latex_sets_it(text: str, tex: str) -> None:
    assert tex_of(text) == tex


@hypothesis_settings(max_examples=300)
@given(text=_text)
@example(text=r"\emph{x}--{\it y}\ss --$$$x$$")
def test_written_text_is_read_as_it_was(text: str) -> None:
    tex = tex_of(text)
    assert text_of(tex) == text
    assert paired(tex)


@given(entries=st.lists(st.tuples(_word, _word), min_size=1, max_size=4))
def test_our_own_bibtex_comes_back(entries: list[tuple[str, str]]) -> None:
    written = bibtex([Paper(f"p{place}", title, abstract) for place, (title, abstract) in enumerate(entries)])
    assert [(paper.title, paper.abstract) for paper in papers(list(read(page(written))))] == entries


def test_the_sample_library_comes_back_from_bibtex() -> None:
    records = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    told = [Paper(f"p{place}", stored(r["title"]), stored(r["digest"])) for place, r in enumerate(records)]
    assert len(told) > 500
    read_back = papers(list(read(page(bibtex(told)))))
    assert [(paper.title, paper.abstract) for paper in read_back] == [(paper.title, paper.abstract) for paper in told]


@pytest.mark.parametrize(
    "piece",
    [
        "{", "}", "{}", "{}{", "{}{x{}{y}", "$", "$$", "$ \\", "$a$$", "\\", "\\(", "\\[", "\\( \\\\)", r"{\it ",
        r"\emph{", r"\foo{", r"\foo{}", r"\'", r"\' ", r"\'{ ", "{$", "{{{x}", "{{x}{", "{\\(", "-", "`", "https://",
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", [text_of, tex_of])
def test_hostile_text_takes_little_time(way: Callable[[str], str], piece: str) -> None:
    for text in (f"{piece * N}%", f"${piece * N}", f"{{}}{{{piece * N}"):
        within(2, partial(way, text))
