"""Paths -> library: the whole ingest, on small sources and on the real pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import SAMPLE, Library, Settings, ingest
from ingest.errors import BadSetting, NothingReadable, RecordsRejected, SourceMissing, UnknownFormat
from ingest.settings import DEFAULT_ENCODER, read_settings
from tests.conftest import SHARED, SIX
from tests.fakes import WordEncoder
from tests.libraries import assert_whole
from tests.pages import glued, spaced
from tests.processes import ROOT, environment, run_code
from tests.test_merge import abstract, edited

Counts = dict[str, int]


class Ingest:
    """Ingests into one library, and says what the report counts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, *paths: Path, **options: bool | str) -> Counts:
        report = ingest(
            paths,
            settings=self.settings,
            encoder=WordEncoder(),
            **options,  # type: ignore[arg-type]  # by name
        )
        told = report.to_dict()
        assert report.read == report.added + report.updated + report.unchanged + report.merged + report.rejected
        assert len(report.rejections) == report.rejected
        names = ("read", "works", "added", "updated", "unchanged", "merged", "rejected")
        return {name: told[name] for name in names if told[name]}  # type: ignore[misc]  # numbers


@pytest.fixture
def read(settings: Settings) -> Ingest:
    return Ingest(settings)


@pytest.fixture
def opened(settings: Settings) -> Callable[[], Library]:
    return lambda: Library.open(settings.library, settings, WordEncoder())


def page_of(count: int) -> list[tuple[str, str]]:
    return [(f"Title Number{n} of the Page", f"We study number{n}. {abstract(n)}") for n in range(count)]


def test_both_layouts_and_json_lines_are_read_from_one_folder(tmp_path: Path, read: Ingest) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.txt").write_text(glued(page_of(4)))
    (folder / "b.txt").write_text(spaced(page_of(6)))
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, SIX)))
    assert read(folder) == {"read": 16, "works": 12, "added": 12, "merged": 4}
    assert read(folder) == {"read": 16, "works": 12, "unchanged": 16}
    assert read(folder / "b.txt") == {"read": 6, "works": 12, "unchanged": 6}


def test_a_report_is_plain_json_with_the_keys_of_the_contract(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.txt").write_text(glued(page_of(1)) + "A Bare Title\n")
    report = ingest(tmp_path / "a.txt", settings=settings, encoder=WordEncoder())
    told = json.loads(json.dumps(report.to_dict()))
    contract = ["read", "works", "added", "updated", "unchanged", "merged", "rejected", "rejections", "seconds"]
    assert set(contract) <= told.keys()
    assert told["rejections"] == [
        {"where": f"{tmp_path.name}/a.txt:5", "why": "a title without an abstract: 'A Bare Title'"}
    ]
    assert told["seconds"] > 0


def test_a_page_that_was_saved_again_updates_what_changed_and_nothing_else(
    tmp_path: Path, read: Ingest, opened: Callable[[], Library]
) -> None:
    path = tmp_path / "a.txt"
    entries = page_of(5)
    path.write_text(glued(entries))
    read(path)
    changed = [("A New Title on Top", f"We add this. {abstract(40)}"), *entries]
    changed[3] = (entries[2][0], "We only keep the beginning now.")
    path.write_text(glued(changed))
    assert read(path) == {"read": 6, "works": 6, "added": 1, "updated": 1, "unchanged": 4}
    with opened() as library:
        assert_whole(library)
        (work,) = library.papers(["title-number2-of-the-page"])
        assert work.abstract == "We only keep the beginning now."
        assert [source.line for source in work.sources] == [9]
        assert library.words.search([(term, 1.0) for term in library.words.terms("number2")], 9) != []
        assert [len(rows) for rows in library.store.vectors([work.id]).values()] == [2]


def test_text_that_has_gone_is_found_by_neither_index(
    tmp_path: Path, read: Ingest, opened: Callable[[], Library]
) -> None:
    path = tmp_path / "a.jsonl"
    record = {"id": "x", "title": "Owls", "abstract": "Owls count mice. Zanzibar is far. Quokkas smile."}
    path.write_text(json.dumps(record))
    read(path)
    path.write_text(json.dumps(record | {"abstract": "Owls count mice."}))
    assert read(path) == {"read": 1, "works": 1, "updated": 1}
    with opened() as library:
        assert library.words.search([(term, 1.0) for term in library.words.terms("zanzibar quokkas")], 9) == []
        texts = ["Owls. Zanzibar is far.", "Owls. Owls count mice."]
        for vector, near in zip(WordEncoder().encode(texts), (False, True), strict=True):
            ((paper_id, similarity),) = library.vectors.search_within(vector, library.vectors.search(vector, 9))
            assert (paper_id, similarity > 0.99) == ("x", near)


def test_a_preprint_and_its_retitled_version_are_one_work_found_under_its_last_text(
    tmp_path: Path, read: Ingest, opened: Callable[[], Library]
) -> None:
    first = {"title": "On Steps", "abstract": abstract(1)}
    last = {"title": "The Cost of Curved Steps", "abstract": abstract(1) + " Code is out."}
    (tmp_path / "a.jsonl").write_text(json.dumps(first))
    (tmp_path / "b.jsonl").write_text(json.dumps(last))
    assert read(tmp_path / "a.jsonl") == {"read": 1, "works": 1, "added": 1}
    assert read(tmp_path / "b.jsonl") == {"read": 1, "works": 1, "updated": 1}
    with opened() as library:
        (work,) = library.store.every_paper()
        assert [source.title for source in work.sources] == ["On Steps", "The Cost of Curved Steps"]
        assert (work.title, work.id) == ("The Cost of Curved Steps", "on-steps")
        assert_whole(library)


def test_the_order_of_sources_makes_no_difference_to_what_is_stored(tmp_path: Path, settings: Settings) -> None:
    records = [
        {"title": "Descent on Curved Spaces", "abstract": abstract(1)},
        {"title": "Descent on $\\mathbf{Curved}$ Spaces", "abstract": edited(abstract(1), 0.2)},
        {"title": "Descent on Curved Spaces", "digest": "Steps on bent spaces cost less."},
        {"title": "Another", "abstract": abstract(2)},
    ]
    seen = set()
    for number, order in enumerate(([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1])):
        library = tmp_path / f"library{number}"
        for place in order:
            path = tmp_path / f"{place}.jsonl"
            path.write_text(json.dumps(records[place]))
            ingest(path, library, settings=settings, encoder=WordEncoder())
        with Library.open(library, settings, WordEncoder()) as opened:
            seen.add(
                tuple(replace(paper, id="") for paper in sorted(opened.store.every_paper(), key=lambda p: p.title))
            )
    assert len(seen) == 1


def test_progress_is_told_up_to_the_last_paper(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.txt").write_text(glued(page_of(70)))
    told: list[tuple[int, int]] = []
    ingest(tmp_path / "a.txt", settings=settings, encoder=WordEncoder(), progress=lambda *step: told.append(step))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (70, 70)


def test_what_holds_no_paper_leaves_no_library(tmp_path: Path, read: Ingest, settings: Settings) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("A note.")
    for path in (tmp_path / "empty", tmp_path / "note.txt"):
        with pytest.raises(NothingReadable, match=r"no paper found in .*expected saved paper pages"):
            read(path)
    with pytest.raises(SourceMissing):
        read(tmp_path / "note.txt", tmp_path / "missing")
    with pytest.raises(UnknownFormat, match="unknown format 'docx'; expected one of: auto, saved-page, "):
        read(tmp_path / "note.txt", page_format="docx")
    assert not settings.library.exists()


def test_nothing_given_is_nothing_readable(read: Ingest) -> None:
    with pytest.raises(NothingReadable):
        read()


def test_strict_raises_and_keeps_what_could_be_read(
    tmp_path: Path, read: Ingest, opened: Callable[[], Library]
) -> None:
    (tmp_path / "a.txt").write_text(glued(page_of(2)) + "A Bare Title\n")
    with pytest.raises(RecordsRejected, match=r"1 rejected under --strict, first: .*a.txt:7"):
        read(tmp_path / "a.txt", strict=True)
    with opened() as library:
        assert len(library) == 2
    (tmp_path / "a.txt").write_text(glued(page_of(2)))
    assert read(tmp_path / "a.txt", strict=True)["unchanged"] == 2


def test_a_named_format_is_used_whatever_the_page_says(tmp_path: Path, read: Ingest) -> None:
    (tmp_path / "a.txt").write_text("\n".join(page_of(1)[0]))
    with pytest.raises(NothingReadable):
        read(tmp_path / "a.txt")
    assert read(tmp_path / "a.txt", page_format="saved-page") == {"read": 1, "works": 1, "added": 1}


def test_bad_files_among_good_ones_are_rejected_and_the_rest_read(tmp_path: Path, read: Ingest) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.txt").write_text(glued(page_of(2)))
    (folder / "b.txt").write_bytes(b"\x00\x01\x02")
    (folder / "c.txt").write_bytes(b"")
    (folder / "d.md").write_text("# Notes")
    (folder / "e.txt").write_text("\ufeffutf-16", "utf-16-le")
    (folder / "f.jsonl").write_text("{broken\n" + json.dumps(SIX[0]))
    assert read(folder) == {"read": 8, "works": 3, "added": 3, "rejected": 5}


@pytest.mark.parametrize(("name", "value"), [("WHICHPAPERS_OFFLINE", "perhaps"), ("WHICHPAPERS_ENCODER", "")])
def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    if value:
        with pytest.raises(BadSetting, match=name):
            read_settings({})
    else:
        assert read_settings({}).encoder == DEFAULT_ENCODER


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHICHPAPERS_LIBRARY", "")
    assert read_settings({}).library.name == "library"
    assert read_settings({}).library.is_absolute()


def test_importing_ingest_loads_no_heavy_package() -> None:
    heavy = ["torch", "transformers", "sentence_transformers", "chromadb", "llama_index", "gradio"]
    code = f"import sys, ingest, prompts; sys.exit(' '.join(name for name in {heavy} if name in sys.modules) or None)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


READ_AGAIN = """
import json, sys
from pathlib import Path
from ingest import Settings, ingest
from tests.fakes import WordEncoder

settings = Settings(library=Path(sys.argv[1]), encoder="words-64", offline=True)
reports = [ingest(Path(sys.argv[2]), settings=settings, encoder=WordEncoder()) for _ in range(4)]
print(json.dumps([report.to_dict() for report in reports]))
"""
"""In a process of its own, where nothing else takes time."""


@pytest.mark.skipif(not SHARED.is_dir() and "CI" not in os.environ, reason=f"the real pages are not at {SHARED}")
def test_the_real_pages_give_593_works_and_the_second_time_nothing_new(
    read: Ingest, settings: Settings, opened: Callable[[], Library]
) -> None:
    pages = SHARED / "pages"
    ended = run_code(READ_AGAIN, settings.library, pages)
    assert ended.code == 0, ended.err
    first, *again = json.loads(ended.out)
    assert [first[name] for name in ("read", "works", "added", "merged", "rejected")] == [676, 593, 593, 83, 0]
    assert first["rejections"] == []
    assert {(second["read"], second["works"], second["unchanged"]) for second in again} == {(676, 593, 676)}
    assert min(second["seconds"] for second in again) < first["seconds"] / 10
    with opened() as library:
        assert sum(len(paper.sources) for paper in library.store.every_paper()) == 676
        assert len(library.words) == len(library.vectors) == 593
        assert library.store.altered() == []
    assert read(*sorted(pages.iterdir(), reverse=True)) == {"read": 676, "works": 593, "unchanged": 676}


@pytest.mark.slow
def test_the_sample_is_read_whole(read: Ingest, opened: Callable[[], Library]) -> None:
    counts = read(SAMPLE)
    assert counts["read"] == 595
    assert counts["works"] == counts["added"] >= 593
    assert "rejected" not in counts
    with opened() as library:
        assert all(paper.digest for paper in library.store.every_paper())
