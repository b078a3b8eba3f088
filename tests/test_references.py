"""Papers -> references: what other programs read in them, by those programs' own parsers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import rispy  # type: ignore[import-untyped]  # it carries no types
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import LatexDecodingMiddleware
from citeproc.source.json import CiteProcJSON  # type: ignore[import-untyped]  # it carries no types
from hypothesis import given

from ingest.records import Paper
from ingest.references import bibtex, csl, key, name, ris
from tests.apt import program
from tests.test_export import _lists

TOLD = (
    Paper("doi:10.1000/x", "Rates of 50% & x_1 in A_b", "We show 50% & more of x_1. It costs #1.", year=2020,
          authors=("José Muñoz", "Maria van der Berg", "The X Team"), venue="Journal of A & B", doi="10.1000/x"),
    Paper("arxiv:2101.00001", "=1+1 Is Two", "-We add.", arxiv="2101.00001", year=2021, authors=("李",)),
    Paper("图 神经", "Nets, {braced", "Told {so.", digest=True),
)  # fmt: skip
REMARKS = {TOLD[0].id: "which? “It costs #1.”"}


def test_bibtex_is_read_by_its_parser() -> None:
    read = parse_string(bibtex(TOLD, REMARKS), append_middleware=[LatexDecodingMiddleware()])
    assert not read.failed_blocks
    first, second, third = ({f.key: f.value for f in entry.fields} for entry in read.entries)
    assert [entry.entry_type for entry in read.entries] == ["article", "misc", "misc"]
    assert first["title"].strip("{}") == TOLD[0].title
    assert first["author"] == "José Muñoz and Maria van der Berg and The X Team"
    assert (first["journal"], first["doi"], first["annote"]) == (TOLD[0].venue, "10.1000/x", REMARKS[TOLD[0].id])
    assert (second["eprint"], second["archiveprefix"]) == ("2101.00001", "arXiv")
    assert "abstract" not in third
    assert third["annote"] == "Digest in other words, not the authors' abstract: Told so."


def test_ris_is_read_by_its_parser() -> None:
    first, second, third = rispy.loads(ris(TOLD, REMARKS))
    assert (first["type_of_reference"], second["type_of_reference"]) == ("JOUR", "GEN")
    assert first["title"] == TOLD[0].title
    assert first["authors"] == ["Muñoz, José", "van der Berg, Maria", "The X Team"]
    assert (first["year"], first["doi"], first["abstract"]) == ("2020", "10.1000/x", TOLD[0].abstract)
    assert first["notes"] == [REMARKS[TOLD[0].id]]
    assert second["urls"] == ["https://arxiv.org/abs/2101.00001"]
    assert "abstract" not in third


def test_csl_json_is_read_by_its_parser() -> None:
    read = CiteProcJSON(json.loads(csl(TOLD, REMARKS)))
    first, second, _ = (read[key(paper.id).lower()] for paper in TOLD)
    assert [(person.family, person.given) for person in first.author[:2]] == [
        ("Muñoz", "José"),
        ("van der Berg", "Maria"),
    ]
    assert (str(first.title), first.issued.year, first.type) == (TOLD[0].title, 2020, "article-journal")
    assert (str(second.number), second.type) == ("arXiv:2101.00001", "article")


@given(papers=_lists)
def test_every_reference_is_read_whatever_a_paper_says(papers: list[Paper]) -> None:
    read = parse_string(bibtex(papers))
    assert (len(read.entries), len(read.failed_blocks)) == (len(papers), 0)
    assert [item["title"] for item in json.loads(csl(papers))] == [paper.title for paper in papers]
    records = rispy.loads(ris(papers))
    assert [record["id"] for record in records] == [key(paper.id) for paper in papers]


@pytest.mark.parametrize(
    ("author", "parts"),
    [
        ("Maria van der Berg", ("van der Berg", "Maria")),
        ("Y. LeCun", ("LeCun", "Y.")),
        ("de Finetti", ("Finetti", "de")),
        ("Plato", ("Plato", "")),
        ("The ATLAS Collaboration", ("The ATLAS Collaboration", "")),
        ("Sammy Davis, Jr.", ("Sammy Davis, Jr.", "")),
    ],
)
def test_a_name_has_a_family_and_a_given_part(author: str, parts: tuple[str, str]) -> None:
    assert name(author) == parts


@pytest.mark.slow
def test_pandoc_cites_both_papers_from_either_form(tmp_path: Any) -> None:
    pandoc = program("pandoc")
    text = tmp_path / "text.md"
    text.write_text("".join(f"One [@{{{key(paper.id)}}}].\n\n" for paper in TOLD[:2]), "utf-8")
    for form, written in (("bib", bibtex(TOLD, REMARKS)), ("json", csl(TOLD, REMARKS))):
        (tmp_path / f"refs.{form}").write_text(written, "utf-8")
        command = [pandoc, "--citeproc", "--bibliography", f"refs.{form}", "--to", "plain", "--wrap=none", text]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        assert ended.stderr == ""  # it warns of a key that it does not find
        assert "(Muñoz, Berg, and The X Team 2020)" in ended.stdout.replace("van der ", "")
        assert "Rates of 50% & x_1 in A_b" in ended.stdout
        assert "https://doi.org/10.1000/x" in ended.stdout
        assert "It costs #1" not in ended.stdout  # a note is not printed


def test_the_three_forms_name_a_paper_alike() -> None:
    items: list[Mapping[str, str]] = json.loads(csl(TOLD))
    keys = [item["id"] for item in items]
    assert keys == [entry.key for entry in parse_string(bibtex(TOLD)).entries]
    assert keys == [record["id"] for record in rispy.loads(ris(TOLD))]
