"""`whichpapers serve` as a process: what it says, what it refuses, and how it ends."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.processes import run_module, whichpapers
from tests.serving import process

KEY = "a-key-for-this-test-only"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_serves_until_it_is_ended(path: Path, sent: signal.Signals, code: int) -> None:
    with process("--library", path, WHICHPAPERS_SERVE_KEY=KEY) as (address, running):
        assert httpx.get(f"{address}/health", timeout=60).status_code == 401
        told = httpx.get(f"{address}/health", headers={"authorization": f"Bearer {KEY}"}, timeout=60).json()
        assert (told["status"], told["papers"]) == ("ok", 6)
        running.send_signal(sent)
        assert running.wait(120) == code
        assert running.stderr
        assert running.stderr.read() == ""


def test_other_machines_are_served_under_any_name_with_the_key_alone(path: Path) -> None:
    with process("--library", path, "--host", "0.0.0.0", WHICHPAPERS_SERVE_KEY=KEY) as (address, _):  # noqa: S104 (with a key)
        here = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        for name, key, status in (("papers.example", KEY, 200), ("papers.example", "", 401), ("127.0.0.1", "", 401)):
            headers = {"host": name, "authorization": f"Bearer {key}".strip()}
            assert httpx.get(f"{here}/health", headers=headers, timeout=60).status_code == status
        told = httpx.get(f"{here}/openapi.json", headers={"authorization": f"Bearer {KEY}"}, timeout=60).json()
        assert told["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--library", "nowhere"], 2, "no library at 'nowhere'; fill one with: whichpapers ingest"),
        (["--host", "0.0.0.0"], 2, "--host '0.0.0.0' lets other machines in: set a key in WHICHPAPERS_SERVE_KEY"),  # noqa: S104 (that is what is refused)
        (["--key", "short"], 2, "expected 16 or more visible ASCII characters"),
        (["--key", "with a space in the middle"], 2, "expected 16 or more visible ASCII characters"),
        (["--port", "66000"], 2, "Invalid value for '--port'"),
        (["--at-once", "0"], 2, "Invalid value for '--at-once'"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(arguments: list[str], code: int, line: str) -> None:
    ended = run_module("assistant.serve", "--port", "0", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert line in ended.err
    assert ended.err.count("\n") == 1
    assert "short" not in ended.err.replace("shown", "")


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = whichpapers("serve", "--port", port)
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert f"cannot serve at 127.0.0.1 port {port}: " in ended.err
    assert "(while" not in ended.err
