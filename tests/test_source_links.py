"""Paper -> link: what its source says, else what its ids stand for, else a search; never an id that nobody gave."""

from __future__ import annotations

import pytest

from assistant.records import CitedPaper
from assistant.show.prose import look_up
from ingest.records import Paper
from tests.pages import papers
from tests.test_source_samples import SOURCES, found


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ({"url": "https://a.example/x", "arxiv": "2101.00001", "doi": "10.1/x"}, "https://a.example/x"),
        ({"arxiv": "math/0501001", "doi": "10.1/x"}, "https://arxiv.org/abs/math/0501001"),
        ({"doi": "10.1000/a<b>#c"}, "https://doi.org/10.1000/a%3Cb%3E%23c"),
        ({}, None),
    ],
)
def test_a_citation_links_to_what_the_source_says_or_its_ids_stand_for(
    told: dict[str, str], address: str | None
) -> None:
    paper = Paper("id", "T", "A.", **told)  # type: ignore[arg-type]  # texts all
    assert CitedPaper.of(paper).url == paper.address == address


def test_no_sample_gives_a_link_that_its_source_does_not_hold() -> None:
    for path in SOURCES.iterdir():
        content = path.read_text("utf-8")
        for paper in papers(found(path.name)):
            for identifier in filter(None, (paper.arxiv, paper.doi)):
                assert identifier.lower() in content.lower()


def test_where_there_is_no_address_the_title_is_searched_for() -> None:
    shown = look_up('Owls & "Mice" <b>')
    assert shown.startswith(
        '<a href="https://arxiv.org/search/?searchtype=title&amp;query=Owls+%26+%22Mice%22+%3Cb%3E"'
    )
    assert "<b>" not in shown
