"""The whole product with no network but loopback, each look-up written down: nothing that a user does calls out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import ROOT, environment

pytestmark = pytest.mark.slow

ALONE = """
import fcntl, os, socket, struct, sys
if sys.argv[1] == "apart":
    with socket.socket() as s:  # raises the loopback interface: the only one here
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14s", b"lo", 0x1 | 0x40, b""))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
CHAT = """
import sys, threading
from pathlib import Path
from assistant.show.desk import Desk
from ingest.notes import Asked
from ingest.settings import read_settings
import app
desk = Desk(read_settings({"library": Path(sys.argv[1])}))
turn = desk.notes.ask("", None, Asked("which papers use the Hessian?", "auto", "thorough", ""))
list(desk.answer("", turn, threading.Event()))
assert desk.last_answer("", turn.conversation).citations
desk.close()
"""
SERVED = """
import sys, threading, time, urllib.request
from pathlib import Path
from assistant.show.desk import Desk
from ingest.settings import read_settings
import app
desk = Desk(read_settings({"library": Path(sys.argv[1])}))
threading.Thread(target=app.launch, args=(desk, "127.0.0.1", 7999, None), daemon=True).start()
for _ in range(300):
    try:
        assert b"whichpapers" in urllib.request.urlopen("http://127.0.0.1:7999/", timeout=5).read()
        break
    except OSError:
        time.sleep(0.2)
else:
    sys.exit("not served")
"""
CALLS_OUT = "import socket\ntry:\n    socket.getaddrinfo('canary.invalid', 80)\nexcept OSError:\n    pass"


def can_be_apart() -> bool:
    unshare = shutil.which("unshare")
    return (
        bool(unshare) and not subprocess.run([str(unshare), "-rn", "true"], capture_output=True, check=False).returncode
    )


def alone(spy: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Runs Python where there is no network at all, if this machine allows that; and writes down what it looks up."""
    path = os.pathsep.join([str(Path(__file__).with_name("spy")), str(ROOT)])
    before = [str(shutil.which("unshare")), "-rn"] if can_be_apart() else []
    command = [*before, sys.executable, "-c", ALONE, "apart" if before else "here", *map(str, arguments)]
    told = {"TRUST_SPY": str(spy), "PYTHONPATH": path, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment(**told), capture_output=True, timeout=280, check=False)


def test_no_flow_calls_anybody(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    spy, library, few = tmp_path / "spy.txt", tmp_path / "library", tmp_path / "few.jsonl"
    sample = (ROOT / "ingest" / "sample").glob("*.jsonl")
    few.write_text("".join(next(iter(sorted(sample))).read_text("utf-8").splitlines(keepends=True)[:60]), "utf-8")
    case = {"id": "c1", "type": "list", "question": "which papers use the Hessian?", "relevant": [], "nuggets": []}
    (tmp_path / "cases.jsonl").write_text(json.dumps(case) + "\n")
    whichpapers = ("-m", "assistant")
    end, answer = ("--library", library), tmp_path / "answer.json"
    asked = ("ask", "which papers use the Hessian?", *end)
    flows: dict[str, tuple[str | Path, ...]] = {
        "ingest": (*whichpapers, "ingest", few, *end),
        "ingest by Ray": (*whichpapers, "ingest", few, "--engine", "ray", "--library", tmp_path / "by-ray"),
        "ask": (*whichpapers, *asked, "--format", "json"),
        "search": (*whichpapers, "search", "Hessian", *end),
        "export": (*whichpapers, "papers", "--export", "bibtex", *end),
        "verify": (*whichpapers, "verify", answer, *end),
        "table": (*whichpapers, "table", "which papers use the Hessian?", "--columns", "method", *end),
        "evaluation": (*whichpapers, "eval", "--cases", tmp_path / "cases.jsonl", "--out", tmp_path / "out", *end),
        "doctor": (*whichpapers, "doctor", *end),
        "chat": ("-c", CHAT, library),
        "chat over HTTP": ("-c", SERVED, library),
    }  # fmt: skip
    for name, arguments in flows.items():
        ended = alone(spy, *arguments)
        assert ended.returncode == 0, (name, ended.stderr.decode()[-2_000:])
        if name == "ask":
            answer.write_bytes(ended.stdout)
    assert not spy.exists(), spy.read_text("utf-8")
    record_property("cases", len(flows))
    record_property("told", "without any interface but loopback" if can_be_apart() else "by a socket spy alone")


def test_the_spy_sees_a_call(tmp_path: Path) -> None:
    alone(tmp_path / "spy.txt", "-c", CALLS_OUT)
    assert "canary.invalid" in (tmp_path / "spy.txt").read_text("utf-8")


def test_a_model_elsewhere_is_not_asked_where_offline_is_set(
    tmp_path: Path, path: Path, record_property: Callable[[str, object], None]
) -> None:
    told = {
        "OPENAI_BASE_URL": "http://canary.invalid/v1", "WHICHPAPERS_MODEL": "m", "WHICHPAPERS_OFFLINE": "true",
        "WHICHPAPERS_ENCODER": "words-64",
    }  # fmt: skip
    spy = tmp_path / "spy.txt"
    ended = alone(
        spy, "-m", "tests.command", "ask", "which papers use the Hessian?", "--library", path, "--mode", "llm", **told
    )
    assert ended.returncode == 2, ended.stderr
    assert b"WHICHPAPERS_OFFLINE forbids" in ended.stderr
    assert not spy.exists()
    record_property("cases", 1)
