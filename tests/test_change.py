"""What users decide by hand holds, and what sources hold no longer goes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest import IngestReport, Library, Settings, ingest
from ingest.change import merge, remove, split
from ingest.errors import CannotSplit, UnknownPaper
from ingest.fold import fold_all
from ingest.records import Paper, Source
from ingest.store import Store
from tests.fakes import WordEncoder
from tests.test_fold import entry, fold, works
from tests.test_merge import abstract, edited

Write = Callable[..., Path]
Read = Callable[..., IngestReport]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "library.db", write=True)) as opened:
        yield opened


CURVED = entry("Descent on Curved Spaces", abstract(1))
SPACES = entry("What the Steepest Direction Costs", abstract(1), "b.txt")
OWLS = entry("What Owls Count", abstract(2), "c.txt")


def ids(store: Store) -> list[str]:
    return [work.id for work in works(store)]


def test_a_removed_work_stays_away_until_its_text_is_another(store: Store) -> None:
    fold(store, CURVED, OWLS)
    remove(store, [CURVED.id])
    assert ids(store) == [OWLS.id]
    assert fold(store, CURVED, OWLS) == ["left_out", "unchanged"]
    assert fold(store, replace(CURVED, sources=(Source("z.txt", 1, CURVED.title),))) == ["left_out"]
    assert ids(store) == [OWLS.id]
    assert fold(store, replace(CURVED, abstract=abstract(5))) == ["added"]


def test_a_removed_work_of_a_lasting_id_stays_away_whatever_it_says(store: Store) -> None:
    numbered = replace(CURVED, id="arxiv:2101.00001")
    fold(store, numbered)
    remove(store, [numbered.id])
    assert fold(store, replace(numbered, abstract=abstract(5))) == ["left_out"]


def test_merged_works_stay_merged_when_read_again_changed_or_elsewhere(store: Store) -> None:
    fold(store, CURVED, OWLS)
    assert merge(store, [OWLS.id, CURVED.id]) == OWLS.id
    assert ids(store) == [OWLS.id]
    assert fold(store, CURVED, OWLS) == ["unchanged", "unchanged"]
    assert fold(store, replace(CURVED, sources=(Source("z.txt", 1, CURVED.title),))) == ["merged"]
    changed = replace(CURVED, abstract=abstract(6, words=80))
    assert fold(store, changed) == ["updated"]
    assert fold(store, replace(changed, sources=(Source("y.txt", 1, CURVED.title),))) == ["merged"]
    assert ids(store) == [OWLS.id]


def test_split_works_stay_apart_when_read_again_changed_or_elsewhere(store: Store) -> None:
    fold(store, CURVED, SPACES)
    assert ids(store) == [CURVED.id]
    assert sorted(split(store, CURVED.id)) == sorted([CURVED.id, SPACES.id])
    assert fold(store, CURVED, SPACES) == ["unchanged", "unchanged"]
    again = [replace(e, sources=(Source("z.txt", n, e.title),)) for n, e in enumerate((SPACES, CURVED), 1)]
    assert fold(store, *again) == ["merged", "merged"]
    assert fold(store, replace(CURVED, abstract=edited(CURVED.abstract, 0.04))) == ["updated"]
    assert ids(store) == sorted([CURVED.id, SPACES.id])
    assert merge(store, ids(store)) == CURVED.id
    assert ids(store) == [CURVED.id]
    assert fold(store, CURVED, SPACES, *again)[1:] == ["unchanged"] * 3


def test_a_third_entry_does_not_join_what_was_split(store: Store) -> None:
    fold(store, CURVED, SPACES)
    split(store, CURVED.id)
    fold(store, entry("Descent on Curved Spaces", edited(abstract(1), 0.03), "d.txt"))
    assert len(ids(store)) == 2


def test_entries_of_one_id_can_be_split(store: Store) -> None:
    one = entry("Same Title", abstract(1), id="7")
    other = entry("Same Title", edited(abstract(1), 0.1), "b.txt", id="7")
    fold(store, one, other)
    first, second = split(store, "7")
    assert first == "7"
    assert second.startswith("7-")
    assert fold(store, one, other) == ["unchanged", "unchanged"]
    assert len(ids(store)) == 2


def test_what_cannot_be_done_is_told_and_changes_nothing(store: Store) -> None:
    fold(store, CURVED, OWLS)
    for act in (lambda: remove(store, [OWLS.id, "x"]), lambda: merge(store, [OWLS.id, "x"]), lambda: split(store, "x")):
        with pytest.raises(UnknownPaper, match="no paper with the id 'x'"):
            act()
    with pytest.raises(CannotSplit):
        split(store, OWLS.id)
    assert ids(store) == sorted([CURVED.id, OWLS.id])


def test_any_order_of_decisions_and_readings_leaves_a_sound_library(store: Store) -> None:
    chance = random.Random(3)  # noqa: S311 (seeded)
    pool = [entry(f"Title {n % 4}", edited(abstract(n % 3), 0.02 * (n % 5)), f"{n % 5}.txt", n) for n in range(20)]
    for _ in range(60):
        fold(store, *chance.sample(pool, 4))
        known = ids(store)
        act = chance.choice(["none", "remove", "merge", "split"])
        if act == "split" and len({e.sha256 for e in store.entries(known[0])}) > 1:
            split(store, known[0])
        elif act == "remove" and len(known) > 3:
            remove(store, known[:1])
        elif act == "merge" and len(known) > 1:
            merge(store, chance.sample(known, 2))
        works(store)


# --- vanished from its source ----------------------------------------------------------------------------------------


@pytest.fixture
def read(settings: Settings) -> Read:
    def run(*paths: Path, **options: Any) -> IngestReport:
        return ingest(list(paths), settings.library, settings=settings, encoder=WordEncoder(), **options)

    return run


def record(number: int) -> dict[str, str]:
    return {"title": f"Paper {number}", "abstract": abstract(number) + f" It is number {number}."}


def library_ids(settings: Settings) -> list[str]:
    with Library.open(settings.library, settings, WordEncoder()) as opened:
        assert len(opened.words) == len(opened)
        return [paper.id for paper in opened.store.every_paper()]


def lines(path: Path, *numbers: int) -> Path:
    import json  # noqa: PLC0415

    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(record(n)) + "\n" for n in numbers))
    return path


def test_what_vanished_stays_unless_sync_is_asked_for(tmp_path: Path, settings: Settings, read: Read) -> None:
    path = lines(tmp_path / "pages" / "a.jsonl", 1, 2, 3)
    read(path)
    lines(path, 1, 3)
    assert read(path).removed == 0
    assert len(library_ids(settings)) == 3
    report = read(path, sync=True)
    assert (report.removed, report.works, report.unchanged) == (1, 2, 2)
    assert library_ids(settings) == ["paper-1", "paper-3"]


def test_a_file_that_vanished_from_a_folder_goes_and_other_folders_stay(
    tmp_path: Path, settings: Settings, read: Read
) -> None:
    folder, other = tmp_path / "one" / "pages", tmp_path / "two" / "pages"
    for parent in (folder, other):
        parent.parent.mkdir()
    gone = lines(folder / "a.jsonl", 1)
    lines(folder / "b.jsonl", 2)
    lines(other / "c.jsonl", 3)
    read(folder, other)
    gone.unlink()
    assert read(other, sync=True).removed == 0
    assert read(folder, sync=True).removed == 1
    assert library_ids(settings) == ["paper-2", "paper-3"]


def test_a_paper_that_another_source_holds_stays(tmp_path: Path, settings: Settings, read: Read) -> None:
    path = lines(tmp_path / "p" / "a.jsonl", 1, 2)
    read(path, lines(tmp_path / "p" / "b.jsonl", 2))
    lines(path, 1)
    assert read(path, sync=True).removed == 1
    assert library_ids(settings) == ["paper-1", "paper-2"]


def test_what_could_not_be_read_did_not_vanish(tmp_path: Path, settings: Settings, read: Read) -> None:
    good, bad = lines(tmp_path / "p" / "a.jsonl", 1), lines(tmp_path / "p" / "b.jsonl", 2)
    read(tmp_path / "p")
    for content in (b"", b"\x00\x01\x02", b"Just a note.\n"):
        bad.write_bytes(content)
        assert read(tmp_path / "p", sync=True).removed == 0
    assert library_ids(settings) == ["paper-1", "paper-2"]
    assert good.exists()


def test_seen_counts_every_entry(store: Store) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    papers: list[Paper] = [CURVED, CURVED, OWLS]
    list(fold_all(store, papers, seen))
    assert seen == {("a.txt", CURVED.id): 2, ("c.txt", OWLS.id): 1}
