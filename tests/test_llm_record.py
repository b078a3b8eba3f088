"""What was answered is kept under everything that determines it, and nothing else is."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.queues
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from assistant.llm.record import KeptLines, Recorded, RecordUnreadable, Use, key_of, replaying
from assistant.llm.records import ChatFailed, Message, Reply, Request, whole
from ingest.replies import FILE, Replies

REQUEST = Request("judge", (Message("system", "Be brief."), Message("user", "Which? \ud800")), 100, {"type": "object"})
REPLY = Reply("Forty-two.", "asked-2026", 11, 7, calls=2, local=True)


class Counts:
    """A model that gives this reply, and counts how often."""

    model = "asked"

    def __init__(self, reply: Reply | ChatFailed = REPLY) -> None:
        self.reply, self.calls = reply, 0

    def stream(self, _: Request) -> Iterator[str | Reply]:
        self.calls += 1
        yield "Forty-"
        if isinstance(self.reply, ChatFailed):
            raise self.reply
        yield "two."
        yield self.reply


@pytest.fixture(params=["file", "lines"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replies | KeptLines]:
    if request.param == "lines":
        yield KeptLines()
        return
    replies = Replies(tmp_path)
    yield replies
    replies.close()


def recorded(kept: Replies | KeptLines, use: Use, chat: Counts) -> Recorded:
    return Recorded(chat, kept, use, endpoint="http://here/v1")


def test_record_asks_each_time_and_keeps(kept: Replies | KeptLines) -> None:
    chat = Counts()
    for _ in range(2):
        assert list(recorded(kept, "record", chat).stream(REQUEST)) == ["Forty-", "two.", REPLY]
    assert chat.calls == 2
    assert recorded(kept, "record", chat).model == "asked"


def test_reuse_asks_once_and_then_it_costs_nothing(kept: Replies | KeptLines) -> None:
    chat = Counts()
    assert list(recorded(kept, "reuse", chat).stream(REQUEST)) == ["Forty-", "two.", REPLY]
    assert list(recorded(kept, "reuse", chat).stream(REQUEST)) == ["Forty-two.", replace(REPLY, calls=0)]
    assert chat.calls == 1


def test_replay_gives_what_was_recorded_and_never_asks(kept: Replies | KeptLines) -> None:
    chat = Counts()
    with pytest.raises(ChatFailed, match="'judge' request") as caught:
        whole(recorded(kept, "replay", chat), REQUEST)
    assert (caught.value.kind, caught.value.calls) == ("not_recorded", 0)
    whole(recorded(kept, "record", chat), REQUEST)
    assert whole(recorded(kept, "replay", Counts(ChatFailed("timeout", "late"))), REQUEST) == REPLY
    assert chat.calls == 1


def test_failures_and_incomplete_replies_are_not_kept(kept: Replies | KeptLines) -> None:
    for ill in (ChatFailed("cut_off", "gone"), replace(REPLY, complete=False)):
        chat = Counts(ill)
        for use in ("record", "reuse"):
            with pytest.raises(ChatFailed) if isinstance(ill, ChatFailed) else nullcontext():
                whole(recorded(kept, use, chat), REQUEST)
        with pytest.raises(ChatFailed) as caught:
            whole(recorded(kept, "replay", chat), REQUEST)
        assert caught.value.kind == "not_recorded"


def test_a_stream_that_was_left_is_not_kept(kept: Replies | KeptLines) -> None:
    pieces = recorded(kept, "record", Counts()).stream(REQUEST)
    assert next(pieces) == "Forty-"
    pieces.close()  # type: ignore[attr-defined]  # it is a generator
    with pytest.raises(ChatFailed):
        whole(recorded(kept, "replay", Counts()), REQUEST)


def test_the_key_holds_everything_that_determines_a_reply_and_nothing_more() -> None:
    same = key_of("e", "m", REQUEST)
    assert same == key_of("e", "m", replace(REQUEST, stage="other", timeout_s=3))
    others = [
        key_of("e2", "m", REQUEST),
        key_of("e", "m2", REQUEST),
        key_of("e", "m", replace(REQUEST, max_tokens=101)),
        key_of("e", "m", replace(REQUEST, form=None)),
        key_of("e", "m", replace(REQUEST, form={"type": "array"})),
        key_of("e", "m", replace(REQUEST, messages=REQUEST.messages[:1])),
        key_of("e", "m", replace(REQUEST, messages=REQUEST.messages[::-1])),
        key_of("e", "m", replace(REQUEST, messages=(Message("user", "Be brief."), REQUEST.messages[1]))),
    ]
    assert len({same, *others}) == len(others) + 1
    assert len(same) == 64


def test_the_oldest_replies_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.replies.MAX_KEPT", 3)
    kept = Replies(tmp_path)
    for n in range(5):
        kept.put(f"key{n}", {"n": n})
    kept.put("key2", {"n": 22})
    assert [kept.get(f"key{n}") for n in range(5)] == [None, None, {"n": 22}, {"n": 3}, {"n": 4}]
    kept.close()


# --- as lines ---------------------------------------------------------------------------------------------------------


def test_lines_are_read_back_and_replayed_anywhere() -> None:
    kept = KeptLines()
    whole(recorded(kept, "record", Counts()), REQUEST)
    whole(recorded(kept, "record", Counts()), replace(REQUEST, max_tokens=1))
    lines = kept.lines()
    assert lines == tuple(sorted(lines))
    again = KeptLines.read(lines)
    assert again.lines() == lines
    chat = replaying(again)
    assert (chat.model, chat.endpoint) == ("asked", "http://here/v1")
    assert whole(chat, REQUEST) == REPLY
    with pytest.raises(ChatFailed):
        whole(chat, replace(REQUEST, max_tokens=2))
    assert "Which?" not in "".join(lines)


LINE = json.dumps({"key": "k", "endpoint": "e", "model": "m", "stage": "s", "reply": {
    "text": "t", "model": "m", "prompt_tokens": 1, "completion_tokens": 1}})  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", "{}", LINE.replace('"key"', '"kee"'), LINE.replace('"text"', '"tex"'), "[" * 100_000,
     LINE.replace('"prompt_tokens": 1', '"prompt_tokens": "x"'), LINE.replace('"endpoint"', '"end"')],
)  # fmt: skip
def test_lines_of_another_form_are_an_error_that_names_the_line(line: str) -> None:
    with pytest.raises(RecordUnreadable, match="line 2 "):
        KeptLines.read([LINE, line])


def test_only_the_replies_of_one_model_are_replayed() -> None:
    with pytest.raises(RecordUnreadable, match="found 0"):
        replaying(KeptLines())
    two = KeptLines.read([LINE, LINE.replace('"k"', '"l"').replace('"m", "stage"', '"n", "stage"')])
    with pytest.raises(RecordUnreadable, match="found 2"):
        replaying(two)


# --- as a file --------------------------------------------------------------------------------------------------------


def test_the_file_outlives_the_process_and_holds_no_request(tmp_path: Path) -> None:
    replies = Replies(tmp_path)
    whole(recorded(replies, "record", Counts()), REQUEST)
    replies.close()
    again = Replies(tmp_path)
    assert whole(recorded(again, "replay", Counts()), REQUEST) == REPLY
    again.close()
    assert b"Which?" not in (tmp_path / FILE).read_bytes()


def test_where_nothing_can_be_written_nothing_is_kept_and_nobody_is_troubled(tmp_path: Path) -> None:
    missing = Replies(tmp_path / "missing")
    chat = Counts()
    assert whole(recorded(missing, "reuse", chat), REQUEST) == REPLY
    assert not (tmp_path / "missing").exists()
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / FILE).write_bytes(b"not a database, but long enough to be taken for one" * 100)
    assert whole(recorded(Replies(damaged), "reuse", chat), REQUEST) == REPLY
    assert chat.calls == 2


def _as_nobody(folder: Path, found: multiprocessing.queues.Queue[object]) -> None:
    if os.getuid() == 0:
        os.setuid(65534)
    replies = Replies(folder)
    replies.put("new", {"a": 2})
    found.put([replies.get("k"), replies.get("new"), sorted(path.name for path in folder.iterdir())])


def test_in_a_folder_that_can_only_be_read_what_was_kept_is_found() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        replies = Replies(folder)
        replies.put("k", {"a": 1})
        replies.close()
        (folder / FILE).chmod(0o444)
        folder.chmod(0o555)
        spawn = multiprocessing.get_context("spawn")
        found = spawn.Queue()
        child = spawn.Process(target=_as_nobody, args=(folder, found))
        child.start()
        assert found.get(timeout=60) == [{"a": 1}, None, [FILE]]
        child.join()
        folder.chmod(0o755)


def test_what_is_kept_in_another_form_is_not_found(tmp_path: Path) -> None:
    replies = Replies(tmp_path)
    replies.put("k", {"a": 1})
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        db.execute("INSERT INTO replies VALUES ('odd', '[1]'), ('broken', '{')")
    assert replies.get("k") == {"a": 1}
    assert replies.get("odd") is replies.get("broken") is replies.get("other") is None
    replies.close()


def test_a_value_of_another_form_is_not_taken_for_a_reply(tmp_path: Path) -> None:
    replies = Replies(tmp_path)
    replies.put(key_of("http://here/v1", "asked", REQUEST), {"reply": {"text": 1}})
    chat = Counts()
    assert whole(recorded(replies, "reuse", chat), REQUEST) == REPLY
    assert chat.calls == 1
    replies.close()


def _put(replies: Replies, numbers: range) -> None:
    for number in numbers:
        replies.put(str(number), {"n": number})


def _put_fifty(folder: Path, first: int) -> None:
    replies = Replies(folder)
    _put(replies, range(first, first + 50))
    replies.close()


def test_many_threads_and_processes_keep_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    shared = Replies(tmp_path)
    workers: list[BaseProcess | threading.Thread] = [
        spawn.Process(target=_put_fifty, args=(tmp_path, first)) for first in (0, 50)
    ]
    workers += [
        threading.Thread(target=_put, args=(shared, range(first, first + 25))) for first in (100, 125, 150, 175)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(shared.get(str(number)) == {"n": number} for number in range(200))
    shared.close()


def test_reusing_takes_what_was_kept_and_leaves_a_replay_a_replay() -> None:
    kept, chat = KeptLines(), Counts()
    whole(Recorded(chat, kept, "record"), REQUEST)
    assert whole(Recorded(chat, kept, "record").reusing(), REQUEST).calls == 0
    assert chat.calls == 1
    with pytest.raises(ChatFailed, match="not_recorded"):
        whole(Recorded(chat, KeptLines(), "replay").reusing(), REQUEST)
