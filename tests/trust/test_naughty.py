"""Strings that break programs, through every entry point: an answer, or one of our errors in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Answer, Assistant, AssistantError, verify
from assistant.cli import main
from assistant.render import markdown, plain
from assistant.show.prose import prose
from assistant.show.turn import Shown, article
from assistant.table import parse_columns
from ingest import IngestError, Library, Settings, ingest
from ingest.export import jsonl
from ingest.notes import Asked
from tests.command import words_for
from tests.fakes import WordEncoder
from tests.trust.injections import KINDS
from tests.trust.tier import some

NAUGHTY: tuple[str, ...] = (
    *json.loads(Path(__file__).with_name("naughty.json").read_text("utf-8")),
    *("9" * 400, "a" * 5_000, "a " * 900, "(" * 500, "[" * 500, "\N{SLIGHTLY SMILING FACE}" * 400),
)
ORDERS = tuple(order for orders in KINDS.values() for order in orders)


@pytest.fixture
def library(path: Path, settings: Settings) -> Iterator[Library]:
    with Library.open(path, settings, WordEncoder()) as opened:
        yield opened


def one_line(error: Exception) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 10_000


def sound(answer: Answer, library: Library) -> None:
    assert verify(answer, library).problems == ()
    assert Answer.from_dict(json.loads(json.dumps(answer.to_dict(), ensure_ascii=True))) == answer
    assert article(Shown(1, Asked(answer.question), answer))
    assert "\x1b" not in markdown(answer)
    assert plain(answer)


@pytest.mark.slow
def test_every_string_is_asked_searched_filtered_and_tabulated(
    library: Library, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    assistant, strings = Assistant(library, settings), some((*NAUGHTY, *ORDERS), 60)
    entries: dict[str, Callable[[str], object]] = {
        "question": lambda text: sound(assistant.ask(text), library),
        "after a word": lambda text: sound(assistant.ask(f"which papers use the Hessian {text}"), library),
        "history": lambda text: sound(assistant.ask("and which else?", [{"role": "user", "content": text}]), library),
        "search": assistant.search,
        "where": lambda text: assistant.search("Hessian", where=text),
        "where value": lambda text: assistant.search("Hessian", where=f"venue ~ {json.dumps(text)}"),
        "columns": parse_columns,
        "prose": lambda text: prose(text, "t1", {1}),
    }
    for text in strings:
        for enter in entries.values():
            try:
                enter(text)
            except (AssistantError, IngestError) as error:
                one_line(error)
    record_property("cases", len(strings) * len(entries))


@pytest.mark.slow
def test_every_string_is_read_stored_and_found_again(
    tmp_path: Path, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    source, strings = tmp_path / "naughty.jsonl", some((*NAUGHTY, *ORDERS), 60)
    records = [
        {"id": f"{n} {text[:50]}", "title": f"Newts {n} {text}", "abstract": f"Newts number {n} swim. {text} Wet.",
         "authors": [text, 7, None], "venue": text, "url": text, "year": text, "categories": text}
        for n, text in enumerate(strings)
    ]  # fmt: skip
    source.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    report = ingest(source, settings=settings, encoder=WordEncoder())
    assert report.read == len(strings)
    assert report.added + report.merged + report.rejected == len(strings)
    with Library.open(settings.library, settings, WordEncoder()) as opened:
        for paper in opened.store.every_paper():
            passages = opened.passages([paper.id])[paper.id]
            assert all(0 <= p.start <= p.end <= len(paper.abstract) for p in passages)
        written = jsonl(opened.store.every_paper())
    again = ingest(source, settings=settings, encoder=WordEncoder())
    assert again.added == again.updated == 0
    (tmp_path / "again.jsonl").write_text(written, "utf-8")
    copied = settings.model_copy(update={"library": tmp_path / "copy"})
    ingest(tmp_path / "again.jsonl", settings=copied, encoder=WordEncoder())
    with Library.open(copied.library, copied, WordEncoder()) as opened:
        assert len(opened) == report.works
    record_property("cases", len(strings))


def test_every_string_at_the_command_line_ends_in_a_result_or_one_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    monkeypatch.setattr("ingest.library.open_encoder", words_for)
    strings = [text for text in some(NAUGHTY, 20) if "\0" not in text]  # no program can be given that one
    monkeypatch.setenv("WHICHPAPERS_ENCODER", "words-64")
    monkeypatch.setenv("WHICHPAPERS_LIBRARY", str(path))
    for text in strings:
        for arguments in (["ask", text], ["search", text], ["papers", "--where", text], ["verify", text]):
            monkeypatch.setattr(sys, "argv", ["whichpapers", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
            out, err = capsys.readouterr()
            assert ended.value.code in (0, 2, None), (arguments, err)
            assert "Traceback" not in err
            assert ended.value.code != 2 or (out == "" and len(err.splitlines()) == 1), (arguments, err)
    record_property("cases", 4 * len(strings))


@given(st.text(max_size=300))
def test_any_text_becomes_an_article_without_a_tag_of_its_own(text: str) -> None:
    html = article(Shown(1, Asked(text), None, text))
    assert "<script" not in html.lower()
    assert html.count("<img") == 0


@given(st.text(max_size=200), st.integers(0, 5))
def test_any_abstract_is_stored_as_one_line_and_never_grows(text: str, times: int) -> None:
    from ingest.clean import stored  # noqa: PLC0415

    once = stored(text)
    assert "\n" not in once
    assert stored(once) == once
    assert all(stored(once) == once for _ in range(times))


def test_the_library_of_naughty_strings_is_whole(tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "few.jsonl"
    words = [f"Newts {n} {text} swim{n}a swim{n}b." for n, text in enumerate(some(NAUGHTY, 12))]
    source.write_text("".join(json.dumps({"title": text[:90], "abstract": text * 2}) + "\n" for text in words), "utf-8")
    ingest(source, settings=settings, encoder=WordEncoder())
    with Library.open(settings.library, settings, WordEncoder()) as opened:
        assert len(opened) == len(opened.words) == len(opened.vectors)
