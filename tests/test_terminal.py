"""The command line on terminals, in pipes and in files: what is told there, and how."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from assistant.cli import app
from assistant.commands.examples import EXAMPLES
from ingest import Settings
from tests.console import Console, console
from tests.processes import ROOT, Ended, environment, whichpapers
from tests.timing import of_children, within

__all__ = ["console"]

QUESTION = "which papers use the Hessian?"
ESCAPE = "\x1b["


@pytest.fixture
def command(path: Path) -> list[str]:
    """The command line in a process of its own, with a fake encoder, asking six papers."""
    return [sys.executable, "-m", "tests.command", "ask", QUESTION, "--library", str(path)]


def on_terminal(command: list[str], columns: int, **variables: str) -> str:
    """What a process writes to a terminal."""
    ours, theirs = pty.openpty()
    told = environment(WHICHPAPERS_ENCODER="words-64", COLUMNS=str(columns), TERM="xterm") | variables
    with subprocess.Popen(command, cwd=ROOT, env=told, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL):
        os.close(theirs)
        seen = b""
        while piece := _read(ours):
            seen += piece
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody writes to it any more
        return b""


def piped(command: list[str], **variables: str) -> Ended:
    told = environment(WHICHPAPERS_ENCODER="words-64", **variables)
    ended = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, check=False, timeout=120)
    return Ended(ended.returncode, ended.stdout.decode("utf-8"), ended.stderr.decode("utf-8"))


def test_every_command_is_helped_in_width_and_with_its_examples(console: Console) -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert set(EXAMPLES) <= names
    for name, lines in EXAMPLES.items():
        told = console(f"whichpapers {name} --help")
        assert "Examples:" in told
        assert all(f"  {line}\n" in told for line in lines)
        assert all(len(line) <= 80 for line in told.splitlines() if "  whichpapers" not in line)


def test_every_example_of_the_help_does_what_it_shows(console: Console) -> None:
    for lines in EXAMPLES.values():
        for line in lines:
            assert console(line).strip(), line


@pytest.mark.parametrize("columns", ["10", "25", "400"])
def test_help_fits_any_width(console: Console, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert "--library" in console("whichpapers ask --help")


def test_the_version_is_told(console: Console) -> None:
    assert re.fullmatch(r"whichpapers \d+\.\d+\.\d+\n", console("whichpapers --version"))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str) -> None:
    ended = whichpapers("--show-completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert "_WHICHPAPERS_COMPLETE" in ended.out


def test_commands_options_and_forms_are_completed_at_once() -> None:
    for words, wanted in (("ver", "verify"), ("ask --for", "--format"), ("ask --format foot", "footnotes")):
        line = f"whichpapers {words}"
        variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
        ended = within(1.5, partial(whichpapers, _WHICHPAPERS_COMPLETE="complete_bash", **variables), of_children)
        assert ended.out.split() == [wanted]


@pytest.mark.slow
def test_a_terminal_gets_colours_and_lines_of_its_width(command: list[str]) -> None:
    told = on_terminal(command, 40)
    assert f"{ESCAPE}1m" in told
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", told)
    assert max(map(len, plain.splitlines())) <= 40
    assert " ".join(plain.split()) == " ".join(piped(command).out.split())


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["0", "-1", "wide"])
def test_a_width_that_is_none_hides_no_answer(command: list[str], columns: str) -> None:
    told = on_terminal(command, 80, COLUMNS=columns, NO_COLOR="1")
    assert " ".join(told.split()) == " ".join(piped(command).out.split())


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colours_gets_none(command: list[str], wanted: dict[str, str]) -> None:
    told = on_terminal(command, 80, **wanted)
    assert "Sources" in told
    assert "\x1b" not in told


@pytest.mark.slow
def test_a_pipe_gets_plain_text_and_nothing_on_stderr(command: list[str]) -> None:
    ended = piped(command, COLUMNS="20")
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    assert max(map(len, ended.out.splitlines())) > 20  # a quote is a line, to be searched for


@pytest.mark.slow
@pytest.mark.parametrize("form", ["papers", "papers --export jsonl"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(sample_settings: Settings, form: str) -> None:
    command = [sys.executable, "-m", "assistant", *form.split(), "--library", str(sample_settings.library)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stderr
    assert process.stdout.read(1)
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == (b"", 0)
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_told_in_a_line() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "assistant", "--help"],
            cwd=ROOT, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False, timeout=60,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1)
    assert b"No space left" in ended.stderr


def test_without_a_stdout_nothing_is_told_and_nothing_breaks(path: Path) -> None:
    command = ["sh", "-c", f"exec {sys.executable} -m tests.command papers --library {path} >&-"]
    told = environment(WHICHPAPERS_ENCODER="words-64")
    ended = subprocess.run(command, cwd=ROOT, env=told, stderr=subprocess.PIPE, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_answer_that_can_go_nowhere_is_told_in_a_line(command: list[str]) -> None:
    told = environment(WHICHPAPERS_ENCODER="words-64")
    without = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    ended = subprocess.run(without, cwd=ROOT, env=told, stderr=subprocess.PIPE, check=False, timeout=60)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1)
    assert ended.stderr.startswith(b"whichpapers: stdout is closed")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stdout_that_cannot_say_every_character_gets_them_escaped(command: list[str], encoding: str) -> None:
    told = environment(WHICHPAPERS_ENCODER="words-64", PYTHONIOENCODING=encoding)
    command[command.index(QUESTION)] = f"{QUESTION} 😀 “quoted”"
    ended = subprocess.run(
        [*command, "--format", "json"], cwd=ROOT, env=told, capture_output=True, check=True, timeout=60
    )
    assert json.loads(ended.stdout.decode(encoding))["question"] == f"{QUESTION} 😀 “quoted”"


@pytest.mark.slow
def test_a_pipe_gets_utf_8_whatever_the_locale(command: list[str]) -> None:
    assert "“" in piped(command, PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", LC_ALL="C").out
