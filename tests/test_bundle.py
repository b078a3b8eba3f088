"""Bundles: an answer made again elsewhere is the same in every byte."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from assistant import Answer, Assistant
from assistant import bundle as bundles
from assistant.bundle import BundleUnreadable, BundleUnwritten, read, write
from assistant.llm.open import open_chat
from assistant.llm.records import ChatFailed, Reply, Request
from assistant.replay import replay
from assistant.transcript import Transcript
from ingest import Library, Settings
from tests.fakes import Script, ScriptedChat
from tests.llm_server import LLMServer
from tests.processes import Ended, run_code, whichpapers, with_fake_encoder
from tests.test_ask import HESSIAN, PIZZA
from tests.test_by_llm import BOTH, FACT, PLAN, QUESTION, SAID, judges, says, script, supported
from tests.test_llm_answers import KEY, healthy

Written = tuple[Answer, Path]
HISTORY = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Two papers."}]


def bundle_of(assistant: Assistant, path: Path, question: str = QUESTION, **options: Any) -> Answer:
    """Asks, and writes the answer's bundle to `path`."""
    transcript = Transcript()
    answer = assistant.transcribed(transcript).ask(question, **options)
    write(bundles.of(transcript, answer), path)
    return answer


@pytest.fixture
def bundled(library: Library, settings: Settings, tmp_path: Path) -> Callable[..., Written]:
    def ask(chat: ScriptedChat | None, **options: Any) -> Written:
        path = tmp_path / "answer.zip"
        return bundle_of(Assistant(library, settings, chat), path, **options), path

    return ask


@pytest.fixture
def path(bundled: Callable[..., Written]) -> Path:
    return bundled(script())[1]


def twice(first: Script, then: Script) -> Script:
    """A model that says one thing and, asked again, another."""
    told = iter([first])

    def reply(prompt: str) -> str:
        said = next(told, then)
        assert not isinstance(said, ChatFailed)
        return said if isinstance(said, str) else said(prompt)

    return reply


def cut_off() -> Iterator[str | Reply]:
    text = '{"papers": [{"paper": 1, "meets": [1, 2], "role": "uses", "sentences": [2]}, {"pap'
    yield text
    yield Reply(text, "scripted", 10, 20, complete=False)


class CutOff(ScriptedChat):
    """A model whose every verdict ends for want of room."""

    def stream(self, request: Request) -> Iterator[str | Reply]:
        return cut_off() if request.stage == "judge" else super().stream(request)


class Nameless(ScriptedChat):
    """A model whose server does not tell its name."""

    @property
    def model(self) -> str:  # type: ignore[override]  # where the others have a name
        raise ChatFailed("unreachable", "connection refused")


DEAD = ChatFailed("unreachable", "connection refused")
COMPARE = json.dumps(PLAN | {"kind": "compare"})
STATED = says(Curvature="Accuracy matches full precision at 4 bits. [{}.3]")
TELLS_IT = judges(Curvature={"meets": [1], "sentences": [3]})

ANSWERS: dict[str, tuple[ScriptedChat | None, dict[str, Any]]] = {
    "a list": (script(), {}),
    "a quick one": (script(), {"depth": "quick"}),
    "an exhaustive one": (script(), {"depth": "exhaustive"}),
    "in part of the library": (script(), {"where": "year >= 2021"}),
    "a follow-up": (script(), {"question": "and for weights?", "history": HISTORY}),
    "a fact": (script(understand=json.dumps(FACT), judge=TELLS_IT, answer=STATED), {"mode": "llm"}),
    "a fact not stated": (script(understand=json.dumps(FACT), judge=TELLS_IT, answer="NOT STATED"), {"mode": "llm"}),
    "a comparison": (script(understand=COMPARE, answer=says(Curvature="Guides the rounding. [{}.2]")), {}),
    "an honest no": (script(judge=judges(Curvature={"meets": [2]})), {"mode": "llm"}),
    "a repaired reply": (script(judge=twice("not at all", BOTH)), {"mode": "llm"}),
    "a reply cut off": (CutOff(understand=json.dumps(PLAN), answer_list=SAID, verify=supported), {}),
    "a check that fails": (script(verify=ChatFailed("timeout", "no reply in 60 s", calls=3)), {"mode": "llm"}),
    "sentences that do not hold": (script(answer_list=says(Curvature="{}: Rounds to 2 bits. [{}.2] [7.9]")), {}),
    "a model out of reach": (script(understand=DEAD), {}),
    "a judge that fails": (script(judge=DEAD), {}),
    "a writer that fails": (script(answer_list=DEAD), {"depth": "quick"}),
    "a model that talks": (script(judge="Certainly!"), {}),
    "a model without a name": (Nameless(understand=json.dumps(PLAN)), {}),
    "no model": (None, {}),
    "no model, off topic": (None, {"question": PIZZA}),
    "no model, in part of the library": (None, {"where": "year >= 2021", "depth": "exhaustive"}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_made_again_from_its_bundle(name: str, bundled: Callable[..., Written]) -> None:
    chat, options = ANSWERS[name]
    answer, path = bundled(chat, **options)
    bundle = read(path)
    assert bundle.text == answer.to_json() + "\n"
    assert replay(bundle) == answer
    assert answer.trace.seconds
    fails = any(word in name for word in ("out of reach", "fails", "talks", "without a name"))
    assert answer.mode == ("offline" if chat is None or (fails and name != "a check that fails") else "llm")
    assert bool(bundle.said) == (chat is not None)


def test_what_is_kept_is_what_the_answer_was_made_of(bundled: Callable[..., Written]) -> None:
    chat = script()
    answer, path = bundled(chat)
    bundle = read(path)
    assert bundle.asked.inquiry.question == QUESTION
    assert {(said.stage, said.messages) for said in bundle.said} == {(r.stage, r.messages) for r in chat.asked}
    assert set(bundle.prompts) == set(answer.trace.prompts)
    assert all(
        hashlib.sha256(bundle.prompts[name].encode()).hexdigest() == h for name, h in answer.trace.prompts.items()
    )
    assert {c.paper.id for c in answer.citations} <= {hit.paper.id for hit in bundle.told.hits}


def test_a_model_that_offline_forbids_is_said_to_be_left_out_and_so_again(
    library: Library, settings: Settings, tmp_path: Path
) -> None:
    remote = settings.model_copy(update={"base_url": "https://models.example/v1", "offline": True})
    answer = bundle_of(Assistant(library, remote), tmp_path / "b.zip")
    assert any("--offline or WHICHPAPERS_OFFLINE forbids calls to https://models" in note for note in answer.notices)
    assert replay(read(tmp_path / "b.zip")) == answer
    for asked in (
        Assistant(library, settings).ask(QUESTION),
        Assistant(library, remote).ask(QUESTION, mode="offline"),
        Assistant(library, remote.model_copy(update={"offline": False})).ask(QUESTION),
    ):
        assert not any("could not be used" in note for note in asked.notices)


def test_the_same_bundle_gives_the_same_bytes(path: Path) -> None:
    again = path.with_name("again.zip")
    write(read(str(path)), str(again))
    assert again.read_bytes() == path.read_bytes()


ELSEWHERE = """
import socket, sys
def refuse(*_):
    raise AssertionError("a replay called another machine")
socket.socket.connect = socket.socket.bind = refuse
from assistant.command import run
from assistant.cli import app
from assistant.errors import AssistantError
try:
    run(app, "whichpapers", AssistantError)
finally:
    used = {"chromadb", "onnxruntime", "openai", "tokenizers", "torch", "transformers"} & sys.modules.keys()
    assert not used, used
"""


@pytest.mark.parametrize("chat", [script(), script(judge=DEAD), None])
def test_elsewhere_it_is_the_same_in_every_byte(
    chat: ScriptedChat | None, bundled: Callable[..., Written], tmp_path: Path
) -> None:
    answer, path = bundled(chat)
    nothing = {"WHICHPAPERS_LIBRARY": str(tmp_path / "none"), "HOME": str(tmp_path)}
    ended = run_code(ELSEWHERE, "replay", path, "--format", "json", **nothing)
    assert ended == Ended(0, answer.to_json() + "\n", "replayed: equal to the recorded answer in every byte\n")
    assert not (tmp_path / "none").exists()


def test_from_the_command_line_to_the_command_line(path: Path, library: Library, tmp_path: Path) -> None:
    flags = ("--library", library.path, "--where", "year >= 2020")
    for form in ("json", "text"):
        asked = with_fake_encoder(
            "ask", HESSIAN, *flags, "--bundle", path, "--format", form, WHICHPAPERS_ENCODER="words-64"
        )
        assert (asked.code, asked.err) == (0, "")
        replayed = whichpapers("replay", path, "--format", form)
        assert (replayed.code, replayed.out) == (0, asked.out)
    ended = whichpapers("ask", HESSIAN, *flags, "--bundle", tmp_path / "none" / "a.zip")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert "--bundle" in ended.err


def test_a_key_never_gets_into_a_bundle(library: Library, settings: Settings, tmp_path: Path) -> None:
    path, transcript = tmp_path / "a.zip", Transcript()
    with LLMServer(healthy) as server:
        told = settings.model_copy(update={"base_url": server.url, "model": "m", "api_key": SecretStr(KEY)})
        answer = (
            Assistant(library, told, open_chat(told, library.path)).transcribed(transcript).ask(QUESTION, mode="llm")
        )
        assert all(KEY in received.headers["Authorization"] for received in server.received)
    bundle = bundles.of(transcript, answer)
    write(bundle, path, SecretStr(KEY))
    with zipfile.ZipFile(path) as archive:
        assert not any(KEY.encode() in archive.read(name) for name in archive.namelist())
    assert replay(read(path)) == answer


def test_a_bundle_that_a_reply_brought_the_key_into_is_not_written(
    library: Library, settings: Settings, tmp_path: Path
) -> None:
    path, transcript, key = tmp_path / "a.zip", Transcript(), 'sk-"quoted"-\\-0123456789'
    chat = script(answer_list=says(Curvature="{}: My key is " + key + ". [{}.2]"))
    answer = Assistant(library, settings, chat).transcribed(transcript).ask(QUESTION, mode="llm")
    with pytest.raises(BundleUnwritten, match="the model's key"):
        write(bundles.of(transcript, answer), path, SecretStr(key))
    assert not path.exists()
    write(bundles.of(transcript, answer), path, SecretStr("key"))  # as servers on this machine take


def test_a_bundle_too_large_to_be_read_is_not_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = read(path)
    monkeypatch.setattr(bundles, "MAX_BYTES", 10_000)
    with pytest.raises(BundleUnwritten, match="more than 10,000 bytes"):
        write(bundle, path)
    with pytest.raises(BundleUnreadable, match="more than 10,000 bytes"):
        read(path)


def test_what_was_there_stays_where_the_disk_refuses(path: Path, tmp_path: Path) -> None:
    bundle, folder = read(path), tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(BundleUnwritten, match="no bundle was written"):
        write(bundle, folder)
    assert list(folder.iterdir()) == []
    assert not list(tmp_path.glob(".*.part"))
