"""Paper -> work in library.db: what becomes of each entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest.fold import fold_all
from ingest.merge import bands
from ingest.records import Paper, Source
from ingest.split import split
from ingest.store import Store
from tests.test_merge import abstract, edited


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "library.db", write=True)) as opened:
        yield opened


@contextmanager
def fresh_store() -> Iterator[Store]:
    with TemporaryDirectory() as folder, closing(Store(Path(folder) / "library.db", write=True)) as opened:
        yield opened


def entry(title: str, text: str, origin: str = "a.txt", line: int = 1, **fields: object) -> Paper:
    paper = Paper(title.lower().replace(" ", "-"), title, text, sources=(Source(origin, line, title),))
    return replace(paper, **fields)  # type: ignore[arg-type]  # the tests' own field names


def fold(store: Store, *entries: Paper) -> list[str]:
    return list(fold_all(store, entries))


def works(store: Store) -> list[Paper]:
    """All works, checked against what must always hold."""
    found = list(store.every_paper())
    passages = store.passages(paper.id for paper in found)
    for work in found:
        assert passages[work.id] == split(work)
        assert [e.sources[0] for e in sorted_entries(store, work)] == list(work.sources)
        assert set(store.sharing_a_band(bands(work))) >= {work.id}
    return found


def sorted_entries(store: Store, work: Paper) -> list[Paper]:
    return sorted(store.entries(work.id), key=lambda e: (e.sources[0].origin, e.sources[0].line))


CURVED = entry("Descent on Curved Spaces", abstract(1))
OWLS = entry("What Owls Count", abstract(2), line=3)


def test_new_entries_are_added_and_the_same_again_are_unchanged(store: Store) -> None:
    assert fold(store, CURVED, OWLS) == ["added", "added"]
    assert fold(store, CURVED, OWLS) == ["unchanged", "unchanged"]
    assert [work.id for work in works(store)] == ["descent-on-curved-spaces", "what-owls-count"]


def test_the_same_paper_elsewhere_is_merged_and_remembered(store: Store) -> None:
    again = replace(CURVED, sources=(Source("b.txt", 9, CURVED.title),))
    assert fold(store, CURVED, again, again) == ["added", "merged", "merged"]
    (work,) = works(store)
    assert [(s.origin, s.line) for s in work.sources] == [("a.txt", 1), ("b.txt", 9), ("b.txt", 9)]
    assert fold(store, CURVED, again, again) == ["unchanged"] * 3


def test_a_fuller_abstract_updates_the_work_and_owes_it_to_the_indexes(store: Store) -> None:
    fuller = replace(CURVED, abstract=CURVED.abstract + " Code is out.", sources=(Source("b.txt", 1, CURVED.title),))
    fold(store, CURVED)
    store.acknowledge("words", [CURVED.id])
    assert fold(store, fuller) == ["updated"]
    assert works(store)[0].abstract.endswith("Code is out.")
    assert store.owed("words", 9) == [CURVED.id]


def test_a_merge_that_changes_no_text_owes_nothing(store: Store) -> None:
    fold(store, CURVED)
    store.acknowledge("words", [CURVED.id])
    fold(store, replace(CURVED, sources=(Source("b.txt", 1, CURVED.title),)))
    assert store.owed("words", 9) == []


def test_an_entry_that_only_moved_within_its_page_is_unchanged_and_cited_at_its_new_line(store: Store) -> None:
    fold(store, CURVED)
    assert fold(store, replace(CURVED, sources=(Source("a.txt", 7, CURVED.title),))) == ["unchanged"]
    assert [s.line for s in works(store)[0].sources] == [7]


def test_a_changed_entry_updates_its_work_alone(store: Store) -> None:
    fold(store, CURVED, OWLS)
    changed = replace(CURVED, abstract=abstract(9, words=30))
    assert fold(store, changed, OWLS) == ["updated", "unchanged"]
    assert {work.id: work.abstract for work in works(store)} == {CURVED.id: changed.abstract, OWLS.id: OWLS.abstract}


def test_a_changed_entry_takes_back_what_it_alone_said_of_its_work(store: Store) -> None:
    fuller = replace(CURVED, abstract=CURVED.abstract + " Code is out.", sources=(Source("b.txt", 1, CURVED.title),))
    fold(store, CURVED, fuller)
    assert fold(store, replace(fuller, abstract=CURVED.abstract)) == ["updated"]
    assert works(store)[0].abstract == CURVED.abstract


def test_a_changed_entry_that_fits_its_work_no_longer_leaves_it(store: Store) -> None:
    mine = entry("Descent on Curved Spaces", abstract(1), "b.jsonl", id="7")
    fold(store, CURVED, mine)
    other = entry("Zebra Stripes", abstract(3), "b.jsonl", id="7")
    assert fold(store, other) == ["added"]
    assert [(work.id, work.title, len(work.sources)) for work in works(store)] == [
        ("7", "Zebra Stripes", 1), (CURVED.id, CURVED.title, 1),
    ]  # fmt: skip
    assert fold(store, CURVED, other) == ["unchanged", "unchanged"]


def test_a_changed_entry_joins_the_work_it_now_is(store: Store) -> None:
    wrong = entry("Zebra Stripes", abstract(3), "b.jsonl", id="7")
    fold(store, CURVED, wrong)
    fold(store, entry("Descent on Curved Spaces", abstract(1), "b.jsonl", id="7"))
    (work,) = works(store)
    assert len(work.sources) == 2


def test_two_papers_of_one_title_stay_two_with_ids_of_their_own(store: Store) -> None:
    other = entry(CURVED.title, abstract(5), line=5)
    assert fold(store, CURVED, other) == ["added", "added"]
    found = works(store)
    assert sorted(work.abstract for work in found) == sorted([CURVED.abstract, other.abstract])
    assert all(work.id.startswith(CURVED.id) for work in found)
    assert fold(store, CURVED, other) == ["unchanged", "unchanged"]


def test_an_entry_that_is_both_of_two_works_makes_them_one(store: Store) -> None:
    one = entry("Descent on Curved Spaces", abstract(1), line=1)
    two = entry("Steps on Manifolds", abstract(2), line=3)
    both = entry("Steps on Manifolds", abstract(2), "b.jsonl", id="arxiv:2101.00001")
    too = entry("Descent on Curved Spaces", abstract(1), "c.jsonl", id="arxiv:2101.00001")
    assert fold(store, one, two) == ["added", "added"]
    for target in ("words", "vectors"):
        store.acknowledge(target, [one.id, two.id])
    fold(store, both, too)
    (work,) = works(store)
    assert len(work.sources) == 4
    gone = ({one.id, two.id} - {work.id}).pop()
    assert gone in store.owed("vectors", 9)
    assert store.paper(gone) is None


def test_an_id_is_known_again_under_whatever_name_its_work_goes(store: Store) -> None:
    page = entry("Descent on Curved Spaces", abstract(1))
    first = entry("Descent on Curved Spaces", abstract(1), "b.jsonl", id="arxiv:2101.00001")
    second = entry("Curved Descent, Revisited in Full", abstract(4), "c.jsonl", id="arxiv:2101.00001")
    assert fold(store, page, first, second)[:2] == ["added", "merged"]
    assert len(works(store)) == 1


def test_an_abstract_takes_the_place_of_a_digest_even_of_the_same_words(store: Store) -> None:
    fold(store, replace(CURVED, digest=True))
    fold(store, replace(CURVED, sources=(Source("b.txt", 1, CURVED.title),)))
    (work,) = works(store)
    assert not work.digest


def test_one_origin_may_hold_one_paper_twice_and_then_change_the_second(store: Store) -> None:
    second = replace(CURVED, sources=(Source("a.txt", 8, CURVED.title),))
    assert fold(store, CURVED, second) == ["added", "merged"]
    fuller = replace(second, abstract=CURVED.abstract + " More.")
    assert fold(store, CURVED, fuller) == ["unchanged", "updated"]
    assert works(store)[0].abstract.endswith("More.")


def test_an_error_within_a_batch_leaves_nothing_of_it(store: Store) -> None:
    def failing() -> Iterator[Paper]:
        yield CURVED
        raise OSError

    with pytest.raises(OSError):
        list(fold_all(store, failing()))
    assert len(store) == 0


_TITLES = ("Descent on Curved Spaces", "What the Steepest Direction Costs", "Rates of $O(k^{-2})$", "Rates of O(k^-2)")
_TEXTS = (
    abstract(1), edited(abstract(1), 0.05), edited(abstract(1), 0.3), " ".join(abstract(1).split()[:15]), abstract(2),
    abstract(3), "No abstract available.",
)  # fmt: skip
_entries = st.builds(
    entry,
    title=st.sampled_from(_TITLES),
    text=st.sampled_from(_TEXTS),
    digest=st.booleans(),
    id=st.sampled_from(["a", "b", "arxiv:2101.00001", "c", "d"]),
)


def contents(store: Store) -> list[tuple[object, ...]]:
    """What a library says, whatever ids it has given."""
    return sorted((w.title, w.abstract, w.digest, tuple((s.origin, s.line) for s in w.sources)) for w in works(store))


@hypothesis_settings(max_examples=60)
@given(drawn=st.lists(_entries, min_size=2, max_size=7), data=st.data())
def test_the_library_is_the_same_for_any_order_of_entries(drawn: Sequence[Paper], data: st.DataObject) -> None:
    entries = [replace(e, sources=(Source("a.txt", line, e.title),)) for line, e in enumerate(drawn, start=1)]
    order = data.draw(st.permutations(entries))
    with fresh_store() as one, fresh_store() as other:
        fold(one, *entries)
        fold(other, *order)
        assert contents(one) == contents(other)
        assert set(fold(one, *entries)) == {"unchanged"}


@hypothesis_settings(max_examples=40)
@given(drawn=st.lists(_entries, min_size=2, max_size=5), changed=_entries, place=st.integers(0, 4))
def test_a_change_keeps_every_entry_in_exactly_one_work(drawn: Sequence[Paper], changed: Paper, place: int) -> None:
    entries = [replace(e, sources=(Source("a.txt", line, e.title),)) for line, e in enumerate(drawn, start=1)]
    place %= len(entries)
    after = list(entries)
    after[place] = replace(changed, id=entries[place].id, sources=(Source("a.txt", place + 1, changed.title),))
    with fresh_store() as store:
        fold(store, *entries)
        fold(store, *after)
        sources = sorted((s.line, s.title) for work in works(store) for s in work.sources)
        assert sources == [(line, e.title) for line, e in enumerate(after, start=1)]
        assert set(fold(store, *after)) == {"unchanged"}
