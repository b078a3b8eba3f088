"""Settings -> Chat: what counts as a model that was asked for, and that the key is shown nowhere."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from assistant.doctor import examine
from assistant.llm import open_chat, why_not
from assistant.llm.records import ChatFailed, Message, Request, whole
from ingest import Settings
from ingest.errors import BadSetting
from ingest.replies import FILE
from ingest.settings import is_loopback, read_settings, variable
from tests.llm_server import MODEL, LLMServer, says
from tests.processes import ROOT, environment

KEY = "sk-canary-7f3a9c"
REQUEST = Request("x", (Message("user", "Hello?"),), 20)


def test_each_setting_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "library": "papers", "encoder": "e", "offline": "true", "model": " m ", "base_url": "http://h:1/v1",
        "api_key": f" {KEY}\n", "model_timeout_s": "7.5", "model_calls_at_once": "3",
    }  # fmt: skip
    assert values.keys() <= Settings.model_fields.keys()
    for name, value in values.items():
        monkeypatch.setenv(variable(name), value)
    settings = read_settings({})
    assert (settings.model, settings.base_url, settings.model_timeout_s) == ("m", "http://h:1/v1", 7.5)
    assert (settings.model_calls_at_once, settings.offline) == (3, True)
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY
    assert [variable(name) for name in ("model", "base_url", "api_key", "model_timeout_s")] == [
        "WHICHPAPERS_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "WHICHPAPERS_MODEL_TIMEOUT_S"
    ]  # fmt: skip
    assert read_settings({"base_url": "http://flag/v1"}).base_url == "http://flag/v1"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://localhost:11434/", "http://localhost:11434/v1"),
        ("localhost:8000", "http://localhost:8000/v1"),
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("api.example.org", "https://api.example.org/v1"),
        ("HTTPS://Api.Example.org/openai/v1", "https://api.example.org/openai/v1"),
        ("https://api.example.org/v1/chat/completions", "https://api.example.org/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("  https://api.example.org/v1  ", "https://api.example.org/v1"),
    ],
)
def test_an_address_is_completed(given: str, meant: str) -> None:
    assert Settings(base_url=given).base_url == meant


@pytest.mark.parametrize(
    "given",
    ["ftp://host/v1", "http://", "http:///v1", "/v1", "http://host:port/v1", "http://host:99999/v1", "http://ho st/v1",
     "http://[::1/v1", "file:///etc/passwd", "http://user:secret@host/v1", "http://host/v1?key=1", "http://host/v1#x"],
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_an_error(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", given)
    with pytest.raises(BadSetting, match=r"^setting base_url \(OPENAI_BASE_URL\) is "):
        read_settings({})


@pytest.mark.parametrize(
    ("name", "value"),
    [("MODEL_TIMEOUT_S", "0"), ("MODEL_TIMEOUT_S", "nan"), ("MODEL_TIMEOUT_S", "inf"), ("MODEL_CALLS_AT_ONCE", "0"),
     ("MODEL", " ")],
)  # fmt: skip
def test_values_out_of_range_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"WHICHPAPERS_{name}", value)
    with pytest.raises(BadSetting, match=rf"setting {name.lower()} \(WHICHPAPERS_{name}\)"):
        read_settings({})


@pytest.mark.parametrize("key", [f"{KEY} x", f"{KEY}\nInjected: yes", f"{KEY}\u20ac", f"{KEY}\x00"])
def test_a_key_that_cannot_be_sent_is_an_error_that_does_not_show_it(key: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read_settings({"api_key": key})
    assert "OPENAI_API_KEY" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_the_key_is_shown_nowhere(tmp_path: Path) -> None:
    settings = Settings(model="m", base_url="http://localhost:1", api_key=SecretStr(KEY))
    chat = open_chat(settings, tmp_path)
    shown = [repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json(), repr(chat)]
    assert chat is not None
    shown += [repr(vars(chat)), repr(vars(chat._chat))]
    assert KEY not in "".join(shown)
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301  (made here)


# --- which settings ask for a model -----------------------------------------------------------------------------------

HERE = "http://localhost:1/v1"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "WHICHPAPERS_MODEL"),
        ({"api_key": SecretStr(KEY)}, "WHICHPAPERS_MODEL"),
        ({"model": "m"}, "OPENAI_API_KEY is missing for model 'm'"),
        ({"model": "m", "api_key": SecretStr(KEY), "offline": True}, "WHICHPAPERS_OFFLINE forbids"),
        ({"base_url": "http://10.0.0.1/v1", "offline": True}, "WHICHPAPERS_OFFLINE forbids"),
        ({"base_url": "http://localhost.example.org/v1", "offline": True}, "WHICHPAPERS_OFFLINE forbids"),
    ],
)
def test_why_there_is_no_model_is_told_in_one_line(given: dict[str, Any], word: str, tmp_path: Path) -> None:
    settings = Settings(**given)
    why = why_not(settings)
    assert why is not None
    assert word in why
    assert "\n" not in why
    assert KEY not in why
    assert open_chat(settings, tmp_path) is None


@pytest.mark.parametrize(
    "given",
    [
        {"model": "m", "api_key": SecretStr(KEY)},
        {"model": "m", "base_url": HERE},
        {"base_url": HERE},
        {"base_url": HERE, "offline": True},
        {"base_url": "http://127.8.9.1", "offline": True},
        {"base_url": "http://[::1]:8000", "offline": True},
    ],
)
def test_opening_a_model_calls_nothing(given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(**given)
    monkeypatch.setattr("socket.create_connection", None)
    chat = open_chat(settings, tmp_path)
    assert why_not(settings) is None
    assert chat is not None
    assert chat.endpoint == (settings.base_url or "https://api.openai.com/v1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "here"),
    [("http://localhost/", True), ("http://LOCALHOST:8/", True), ("http://127.0.0.2/", True), ("http://[::1]/", True),
     ("http://0.0.0.0/", False), ("http://127.0.0.1.example.org/", False), ("http://10.1.1.1/", False), ("", False),
     ("http://[x/", False)],
)  # fmt: skip
def test_what_is_this_machine(url: str, here: bool) -> None:
    assert is_loopback(url) == here


def test_a_model_from_settings_to_reply(tmp_path: Path) -> None:
    with LLMServer(lambda _: says("Hello.")) as server:
        settings = Settings(base_url=server.url, api_key=SecretStr(KEY), offline=True)
        chat = open_chat(settings, tmp_path, use="reuse")
        assert chat is not None
        first, again = whole(chat, REQUEST), whole(chat, REQUEST)
        assert (chat.model, first.text, first.calls, again.calls) == (MODEL, "Hello.", 1, 0)
        assert first.local
        assert len(server.received) == 1
        assert KEY.encode() not in (tmp_path / FILE).read_bytes()
    replay = open_chat(Settings(base_url=server.url, model=MODEL), tmp_path, use="replay")
    assert replay is not None
    assert whole(replay, REQUEST) == first
    with pytest.raises(ChatFailed):
        whole(replay, Request("x", (Message("user", "Goodbye?"),), 20))


def test_without_a_model_no_client_is_imported() -> None:
    code = "import sys, assistant; sys.exit(' '.join({'openai', 'httpx', 'tenacity', 'tiktoken'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, check=False)
    assert done.stderr.decode().strip() == ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "none, answers are extractive: no language model is set"),
        ({"model": "m"}, "none, answers are extractive: OPENAI_API_KEY is missing for model 'm'"),
        ({"base_url": "http://10.0.0.1/v1", "offline": True}, "none, answers are extractive: --offline or"),
        ({"base_url": "http://127.0.0.1:9/v1", "model": "m"}, "m, to be asked at http://127.0.0.1:9/v1;"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "the only one that it has"),
        ({"api_key": SecretStr(KEY), "model": "m"}, "m, to be asked at https://api.openai.com/v1;"),
    ],
)
def test_doctor_tells_which_model_would_be_asked_and_calls_none(
    given: dict[str, Any], told: str, tmp_path: Path
) -> None:
    (found,) = [each.found for each in examine(Settings(library=tmp_path, **given)) if each.what == "language model"]
    assert found.startswith(told)
    assert KEY not in found
