"""Notes: what people leave in a library survives, stays theirs, and never touches the papers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from ingest.errors import LibraryReadOnly, LibraryUnreadable
from ingest.notes import UNFINISHED, Asked, Notes


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notes]:
    ticks = count(1)
    with Notes(tmp_path / "notes.db", clock=lambda: float(next(ticks))) as opened:
        yield opened


def test_a_conversation_survives_closing(notes: Notes, tmp_path: Path) -> None:
    first = notes.ask("", None, Asked("which papers?"))
    second = notes.ask("", first.conversation, Asked("and since 2020?"))
    notes.finish(first.id, '{"schema": 1}')
    notes.close()
    with Notes(tmp_path / "notes.db") as again:
        (conversation,) = again.conversations("")
        assert conversation.title == "which papers?"
        turns = again.turns("", conversation.id)
        assert [turn.id for turn in turns] == [first.id, second.id]
        assert [turn.answer for turn in turns] == ['{"schema": 1}', None]
        assert [turn.ending for turn in turns] == ["", UNFINISHED]


def test_the_latest_conversation_comes_first(notes: Notes) -> None:
    one = notes.ask("", None, Asked("one")).conversation
    two = notes.ask("", None, Asked("two")).conversation
    notes.ask("", one, Asked("again"))
    assert [c.id for c in notes.conversations("")] == [one, two]


def test_nobody_sees_or_changes_what_another_left(notes: Notes) -> None:
    turn = notes.ask("ann", None, Asked("which?"))
    notes.save_question("ann", "which?", saved=True)
    seen = (notes.conversations("bob"), notes.turns("bob", turn.conversation), notes.rated("bob"))
    assert not any(seen)
    assert not notes.saved_questions("bob")
    assert notes.turn("bob", turn.id) is None
    assert not notes.rate("bob", turn.id, "", good=True)
    notes.cut("bob", turn.id)
    notes.remove("bob", turn.conversation)
    assert notes.ask("bob", turn.conversation, Asked("mine")).conversation != turn.conversation
    assert notes.turns("ann", turn.conversation) == [turn]


def test_cutting_removes_a_turn_and_all_after_it_and_its_number_never_returns(notes: Notes) -> None:
    first, second, third = (notes.ask("", None if n == 0 else 1, Asked(f"{n}")) for n in range(3))
    notes.cut("", second.id)
    assert notes.turns("", first.conversation) == [first]
    assert notes.ask("", first.conversation, Asked("new")).id > third.id


def test_ratings_are_kept_changed_and_taken_back(notes: Notes) -> None:
    turn = notes.ask("", None, Asked("which?"))
    assert notes.rate("", turn.id, "paper", good=True)
    assert notes.rate("", turn.id, "", good=True)
    assert notes.rate("", turn.id, "paper", good=False)
    assert notes.ratings(turn.id) == {"": True, "paper": False}
    (rated,) = notes.rated("")
    assert (rated.turn, rated.ratings) == (turn, {"": True, "paper": False})
    notes.rate("", turn.id, "", good=None)
    notes.rate("", turn.id, "paper", good=None)
    assert notes.rated("") == []


def test_removing_a_conversation_leaves_nothing_of_it(notes: Notes, tmp_path: Path) -> None:
    turn = notes.ask("", None, Asked("which?"))
    notes.rate("", turn.id, "", good=True)
    notes.remove("", turn.conversation)
    with closing(sqlite3.connect(tmp_path / "notes.db")) as database:
        for table in ("conversations", "turns", "ratings"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608


def test_saved_questions_are_kept_once_the_latest_first(notes: Notes) -> None:
    for question in ("one", "two", "one"):
        notes.save_question("", question, saved=True)
    assert notes.saved_questions("") == ["one", "two"]
    notes.save_question("", "one", saved=False)
    assert notes.saved_questions("") == ["two"]


def test_where_nothing_can_be_written_notes_are_refused_and_can_be_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LibraryReadOnly):
        Notes(tmp_path / "file" / "notes.db")
    with Notes(None) as notes:
        assert not notes.kept
        assert notes.turns("", notes.ask("", None, Asked("which?")).conversation)


def test_damaged_and_newer_notes_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(LibraryUnreadable, match="move it away"):
        Notes(path)
    assert path.read_bytes() == b"no database" * 1000
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(LibraryUnreadable, match="99"):
        Notes(path)


def test_many_threads_may_write_at_once(notes: Notes) -> None:
    def converse(owner: str) -> None:
        first = notes.ask(owner, None, Asked("0"))
        for n in range(1, 20):
            turn = notes.ask(owner, first.conversation, Asked(str(n)))
            notes.finish(turn.id, "{}")
            notes.rate(owner, turn.id, "", good=n % 2 == 0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(converse, map(str, range(8))))
    for owner in map(str, range(8)):
        (conversation,) = notes.conversations(owner)
        assert [turn.asked.question for turn in notes.turns(owner, conversation.id)] == [str(n) for n in range(20)]
        assert len(notes.rated(owner)) == 19


def test_a_bundle_is_kept_with_its_turn_for_its_owner_and_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.notes.MAX_BUNDLES", 2)
    with Notes(tmp_path / "notes.db") as notes:
        turns = [notes.ask("ann", None, Asked(f"question {n}")) for n in range(3)]
        for turn in turns:
            notes.keep_bundle(turn.id, b"zip %d" % turn.id)
        assert [notes.bundle("ann", turn.id) for turn in turns] == [None, b"zip 2", b"zip 3"]
        assert notes.bundle("bob", turns[2].id) is None
        notes.remove("ann", turns[2].conversation)
        assert notes.bundle("ann", turns[2].id) is None


def test_notes_of_the_version_before_are_taken_over(tmp_path: Path) -> None:
    with Notes(tmp_path / "notes.db") as notes:
        turn = notes.ask("ann", None, Asked("a question"))
    with closing(sqlite3.connect(tmp_path / "notes.db")) as db:
        db.executescript("DROP TABLE bundles; PRAGMA user_version = 1;")
    with Notes(tmp_path / "notes.db") as notes:
        notes.keep_bundle(turn.id, b"zip")
        assert notes.turn("ann", turn.id) == turn
        assert notes.bundle("ann", turn.id) == b"zip"
