"""Bad input at the command line: one clear line, the right exit code, nothing lost, no traceback."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from assistant.cli import main
from ingest import Library, Settings
from ingest.export import jsonl
from ingest.settings import DEFAULT_ENCODER
from tests.command import words_for
from tests.conftest import SIX
from tests.disks import read_only_copy, small_disk
from tests.fakes import WordEncoder
from tests.libraries import assert_whole, many
from tests.pages import BANNER, glued
from tests.processes import ROOT, Ended, as_nobody, environment, start_writer, whichpapers, with_fake_encoder

Run = Callable[..., Ended]

PAGE = glued([("Bridges of Paper", "We fold bridges from one sheet of paper. They bear ten times their weight.")])


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process, with words for an encoder."""

    monkeypatch.setattr("ingest.library.open_encoder", words_for)

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["whichpapers", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, err)

    return run


def assert_refused(ended: Ended, code: int, *told: str) -> None:
    """It ended with `code`, nothing on stdout, and exactly one line on stderr that tells all of `told`."""
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert len(ended.err.splitlines()) == 1, ended.err
    assert ended.err.startswith("whichpapers: ")
    for text in told:
        assert text in ended.err


# --- sources -------------------------------------------------------------------------------------------------------


def test_a_missing_path_is_refused() -> None:
    assert_refused(whichpapers("ingest", "/no/such/page.txt"), 2, "'/no/such/page.txt'", "expected a saved page")


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"\x7fELF\x00\x01\x02" * 100)
    assert_refused(whichpapers("ingest", tmp_path / "program"), 2, "program: a binary file; expected text")


def test_a_folder_without_a_readable_page_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.pdf").write_bytes(b"%PDF")
    ended = whichpapers("ingest", tmp_path, "--library", tmp_path / "library")
    assert_refused(ended, 2, str(tmp_path), "no paper found", "expected saved paper pages")
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"\x7fELF\x00\x01\x02" * 100, "a binary file", id="binary"),
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"Just a note.\n", "no known layout", id="note"),
        pytest.param(f"{BANNER}!\nA Bare Title\n".encode(), "a title without an abstract: 'A Bare Title'", id="bare"),
        pytest.param("\ufeffTitle\n".encode("utf-16-le"), "UTF-16 text; save the page as UTF-8", id="utf-16"),
        pytest.param(b"x" * 2_000_000, "more than 1,000,000 bytes", id="overlong"),
        pytest.param(b'{"title": "T"}\n{"abstract": "A."}\n', "first of 2", id="json"),
    ],
)
def test_a_file_that_holds_no_paper_is_refused_with_the_reason(
    tmp_path: Path, command: Run, content: bytes, why: str
) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(content)
    assert_refused(command("ingest", path), 2, str(path), why)


def test_latin1_is_read_with_one_warning(tmp_path: Path, command: Run) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes((PAGE + "Fréchet Means\nWe study naïve means. They are Fréchet's.\n").encode("latin-1"))
    library = tmp_path / "library"
    ended = command("ingest", path, "--library", library, "--json")
    assert ended.code == 0
    assert [line.split(": ")[1] for line in ended.err.splitlines()] == ["not UTF-8; such lines were read as Latin-1"]
    assert json.loads(ended.out)["added"] == 2
    listed = command("papers", "--library", library)
    assert listed.out == "bridges-of-paper\tBridges of Paper\nfrechet-means\tFréchet Means\n"


def test_titles_without_abstract_and_a_cut_page_are_told_and_the_rest_kept(tmp_path: Path, command: Run) -> None:
    path = tmp_path / "page.txt"
    cut = "We count owls and mice in many woods at night with lamps that owls cannot see, and then we count again, and"
    path.write_text(PAGE + f"A Bare Title\nWhat Do Owls Count?\n{cut}\n")
    ended = command("ingest", path, "--library", tmp_path / "library", "--json")
    told = json.loads(ended.out)
    assert (ended.code, told["read"], told["added"], told["rejected"]) == (0, 3, 2, 1)
    first, second = ended.err.splitlines()
    assert first.endswith("page.txt:5: a title without an abstract: 'A Bare Title'")
    assert "page.txt:7: the page seems cut off in its last abstract" in second


def test_strict_ends_with_2_and_keeps_what_could_be_read(tmp_path: Path, command: Run) -> None:
    path = tmp_path / "page.txt"
    path.write_text(PAGE + "A Bare Title\n")
    ended = command("ingest", path, "--library", tmp_path / "library", "--strict", "--json")
    assert ended.code == 2
    assert json.loads(ended.out)["added"] == 1
    assert ended.err.splitlines()[-1].startswith("whichpapers: 1 rejected under --strict, first: ")
    assert command("papers", "--library", tmp_path / "library").out == "bridges-of-paper\tBridges of Paper\n"


def peak_of(*arguments: str | Path) -> tuple[int, int, str]:
    """Exit code, peak memory in MB and stdout of the command line."""
    with tempfile.TemporaryFile("w+") as out:
        command = [sys.executable, "-m", "tests.command", *map(str, arguments)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return process.returncode, used.ru_maxrss // 1024, out.read()


@pytest.mark.slow
def test_a_line_of_50_mb_is_skipped_within_the_same_memory_and_the_rest_kept(tmp_path: Path) -> None:
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    lines = [json.dumps(record) for record in SIX]
    small.write_text("\n".join(lines))
    with large.open("w") as file:
        print(lines[0], '{"title": "' + "x" * 50_000_000 + '"}', *lines[1:], sep="\n", file=file)
    _, usual, _ = peak_of("ingest", small, "--library", tmp_path / "one", "--json")
    code, peak, out = peak_of("ingest", large, "--library", tmp_path / "two", "--json")
    told = json.loads(out)
    assert (code, told["read"], told["added"], told["rejected"]) == (0, 7, 6, 1)
    assert told["rejections"][0]["where"].endswith("large.jsonl:2")
    assert "more than 1,000,000 bytes" in told["rejections"][0]["why"]
    assert peak < usual + 20


def test_a_file_name_of_any_bytes_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\nname.txt")
    path.write_text("A note.")
    ended = whichpapers("ingest", tmp_path, "--library", tmp_path / "library")
    assert_refused(ended, 2, "\ufffd name.txt: no known layout")


# --- libraries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["ask", "which papers prune"], ["search", "pruning"], ["papers"], ["rebuild"]])
def test_a_missing_library_is_refused_with_the_command_that_fills_it(
    tmp_path: Path, command: Run, arguments: list[str]
) -> None:
    library = tmp_path / "none"
    assert_refused(
        command(*arguments, "--library", library), 2, "no library at", f"whichpapers ingest PATH --library {library}"
    )
    assert not library.exists()


@pytest.mark.parametrize("arguments", [["ask", "which papers prune"], ["search", "pruning"], ["papers"]])
def test_an_empty_library_is_refused_with_the_command_that_fills_it(
    settings: Settings, command: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    Library.open_to_write(settings.library, settings, WordEncoder()).close()
    monkeypatch.setenv("WHICHPAPERS_ENCODER", "words-64")
    ended = command(*arguments, "--library", settings.library)
    assert_refused(ended, 2, "is empty", f"whichpapers ingest PATH --library {settings.library}")


def test_a_library_by_another_encoder_is_refused(path: Path) -> None:
    ended = whichpapers("search", "pruning", "--library", path)
    assert_refused(ended, 2, "words-64", DEFAULT_ENCODER, "whichpapers rebuild")


def test_a_library_that_is_garbage_is_refused(path: Path, command: Run) -> None:
    (path / "library.db").write_bytes(b"garbage" * 1000)
    assert_refused(command("search", "pruning", "--library", path), 2, "file is not a database")


def test_a_second_writer_is_refused_with_the_holders_name(path: Path) -> None:
    with start_writer(path, path, "hold") as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        ended = with_fake_encoder(
            "ingest", path.parent / "papers.jsonl", "--library", path, WHICHPAPERS_ENCODER="words-64"
        )
        holder.kill()
    assert_refused(ended, 1, f"process {holder.pid} ", "nothing was changed", "try again")


def test_a_read_only_disk_is_refused_for_writing_and_can_be_read(tmp_path: Path, path: Path) -> None:
    source = path.parent / "papers.jsonl"
    with read_only_copy(path, tmp_path / "disk") as copy:
        options = {"WHICHPAPERS_LIBRARY": str(copy), "WHICHPAPERS_ENCODER": "words-64"}
        assert_refused(with_fake_encoder("ingest", source, **options), 1, "cannot write the library", str(copy))
        assert_refused(with_fake_encoder("rebuild", **options), 1, "cannot write the library", str(copy))
        listed = with_fake_encoder("papers", **options)
        assert (listed.code, listed.err, len(listed.out.splitlines())) == (0, "", 6)
        found = with_fake_encoder("search", "pruning", "--format", "json", **options)
        assert (found.code, found.err) == (0, "")
        assert json.loads(found.out)[0]["paper"]["title"] == "Pruning by Second Derivatives"


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="whichpapers-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; the test above was one already")
def test_a_normal_user_may_read_what_is_anothers_and_not_write_it(
    open_to_all: Path, tmp_path: Path, path: Path
) -> None:
    shutil.copytree(path, open_to_all / "library")
    shutil.copy(path.parent / "papers.jsonl", open_to_all)
    library, papers = open_to_all / "library", open_to_all / "papers.jsonl"
    written, hidden = as_nobody(
        tmp_path / "1", ["ingest", papers, "--library", library], ["search", "pruning", "--library", library]
    )
    assert_refused(written, 1, "cannot write the library", "Permission denied")
    assert_refused(hidden, 2, "cannot read the library", "Permission denied")
    for file in library.rglob("*"):
        file.chmod(file.stat().st_mode | 0o444)
    found, unreachable, unread = as_nobody(
        tmp_path / "2",
        ["search", "pruning", "--library", library, "--format", "json"],
        ["search", "pruning", "--library", path],
        ["ingest", path.parent / "papers.jsonl"],
    )
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out)[0]["paper"]["title"] == "Pruning by Second Derivatives"
    assert_refused(unreachable, 2, "Permission denied")
    assert_refused(unread, 2, "papers.jsonl")


@pytest.mark.slow
def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "many.jsonl"
    source.write_text(jsonl(many(1200)), "utf-8")
    with small_disk(tmp_path / "disk", "2m") as disk:
        library = disk.path / "library"
        ended = with_fake_encoder("ingest", source, "--library", library, WHICHPAPERS_ENCODER="words-64")
        assert_refused(ended, 1, "cannot write the library", "what was stored before is kept")
        disk.grow()
        ended = with_fake_encoder("ingest", source, "--library", library, "--json", WHICHPAPERS_ENCODER="words-64")
        assert json.loads(ended.out)["works"] == 1200
        with Library.open(library, settings, WordEncoder()) as opened:
            assert len(opened) == len(opened.words) == len(opened.vectors)


def test_a_library_that_is_a_file_is_refused(tmp_path: Path, path: Path, command: Run) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    ended = command("ingest", path.parent / "papers.jsonl", "--library", file)
    assert_refused(ended, 1, "cannot write the library")
    assert file.read_text() == "mine"


# --- arguments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ask", ""], "question"),
        (["ask", " \u200b\n"], "question"),
        (["ask", "x" * 100_000], "question"),
        (["ask", "which papers prune", "--mode", "magic"], "magic"),
        (["ask", "which papers prune", "--depth", "deep"], "deep"),
        (["ask", "which papers prune", "--mode", "llm"], "model"),
        (["ask", "which papers prune", "--format", "xml"], "xml"),
        (["ask"], "question"),
        (["search", "pruning", "-k", "-3"], "-3"),
        (["search", "pruning", "-k", "0"], "0"),
        (["search", "pruning", "-k", "many"], "-k"),
        (["search", ""], "empty"),
        (["papers", "--export", "word"], "word"),
        (["papers", "--frobnicate"], "--frobnicate"),
        (["frobnicate"], "frobnicate"),
        (["ingest"], "--sample"),
        (["ingest", ".", "--format", "docx"], "'docx'; expected one of: auto, saved-page, "),
        (["verify", "/no/such/answer.json"], "/no/such/answer.json"),
    ],
)
def test_an_argument_that_cannot_be_used_is_told_in_one_line(
    path: Path, command: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.setenv("WHICHPAPERS_LIBRARY", str(path))
    monkeypatch.setenv("WHICHPAPERS_ENCODER", "words-64")
    assert_refused(command(*arguments), 2, told)


def test_a_whole_process_refuses_an_unknown_option_and_a_negative_number(path: Path) -> None:
    options = {"WHICHPAPERS_LIBRARY": str(path), "WHICHPAPERS_ENCODER": "words-64"}
    assert_refused(with_fake_encoder("search", "x", "--frobnicate", **options), 2, "--frobnicate")
    assert_refused(with_fake_encoder("search", "x", "-k", "-3", **options), 2, "-3")
    assert_refused(with_fake_encoder("ask", "", **options), 2, "question")


def test_a_setting_that_cannot_be_used_is_named(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHICHPAPERS_OFFLINE", "perhaps")
    assert_refused(command("papers"), 2, "WHICHPAPERS_OFFLINE", "perhaps")


def test_an_answer_that_is_no_json_is_refused(tmp_path: Path, path: Path, command: Run) -> None:
    answer = tmp_path / "answer.json"
    for content in (b"", b"\xff\xfe", b"[" * 100_000, b"[]", b'{"schema": 9}'):
        answer.write_bytes(content)
        assert_refused(command("verify", answer, "--library", path), 2, "not a saved answer")


def test_a_reader_that_stops_reading_is_no_error(path: Path) -> None:
    environ = environment(WHICHPAPERS_LIBRARY=str(path), WHICHPAPERS_ENCODER="words-64")
    command = [sys.executable, "-m", "tests.command", "papers", "--export", "jsonl"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() in (0, 1)


def test_a_repair_on_opening_says_nothing_and_answers(
    path: Path, command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(path / "words")
    monkeypatch.setenv("WHICHPAPERS_ENCODER", "words-64")
    found = command("search", "pruning", "--format", "json", "--library", path)
    assert (found.code, found.err) == (0, "")
    settings = Settings(library=path, encoder="words-64")
    with Library.open(path, settings, WordEncoder()) as library:
        assert_whole(library)


def test_no_arguments_show_the_help(command: Run) -> None:
    ended = command()
    assert (ended.code, ended.err) == (0, "")
    assert "ingest" in ended.out


@pytest.mark.parametrize("words", [["verify"], ["export", "--format", "csv"]])
def test_an_answer_that_cannot_be_read_is_told_for_what_it_is(
    path: Path, tmp_path: Path, command: Run, words: list[str]
) -> None:
    wanted = "make one with: whichpapers ask QUESTION --format json"
    for given, why in ((tmp_path / "none.json", "No such file"), (tmp_path, "Is a directory")):
        assert_refused(command(*words, given, "--library", path), 2, repr(str(given)), why, wanted)


@pytest.mark.parametrize("told", [["papers"], ["papers", "--export", "jsonl"], ["search", "the Hessian"]])
def test_a_filter_that_nothing_fits_gets_no_line_and_the_reason_on_stderr(
    path: Path, command: Run, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    monkeypatch.setenv("WHICHPAPERS_ENCODER", "words-64")
    ended = command(*told, "--where", "year > 3000", "--library", path)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "2 of 6 papers say nothing of year and fit no condition on it\n"


def test_doctor_ends_with_2_where_a_text_was_altered(path: Path, command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHICHPAPERS_ENCODER", "words-64")
    assert command("doctor", "--library", path).code == 0
    with closing(sqlite3.connect(path / "library.db")) as database, database:
        database.execute("UPDATE papers SET abstract = abstract || ' More.' WHERE id = 'pruning-by-second-derivatives'")
    ended = command("doctor", "--library", path)
    assert ended.code == 2
    assert "altered since they were stored: pruning-by-second-derivatives" in ended.out
