"""docs/http.md, followed to the letter: its commands, its client, its settings, on the sample."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from ingest import Settings
from tests import documented
from tests.processes import ROOT, environment
from tests.serving import process

WRITTEN = "http://127.0.0.1:8000"
"""Where the page has it served."""


@pytest.fixture(scope="module")
def address(sample_settings: Settings) -> Iterator[str]:
    encoder = sample_settings.encoder
    with process("--library", sample_settings.library, module="assistant.serve", WHICHPAPERS_ENCODER=encoder) as (
        address,
        _,
    ):
        yield address


def test_the_commands_ask_and_verify(address: str, tmp_path: Path) -> None:
    (block,) = documented.blocks("http", "bash")
    command = ["bash", "-euc", block.replace(WRITTEN, address)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, timeout=60, check=True)
    answer = json.loads((tmp_path / "answer.json").read_text("utf-8"))
    assert answer["citations"]
    told = json.loads(ended.stdout)
    assert told == {"citations": len(answer["citations"]), "quotes": told["quotes"], "problems": []}


def test_the_client_prints_an_answer_and_its_proof(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = documented.blocks("http", "python")
    exec(compile(block.replace(WRITTEN, address), "docs/http.md", "exec"), {})  # noqa: S102 (our own page)
    told = capsys.readouterr().out
    assert "[1]" in told
    assert "## Sources" in told


def test_the_settings_of_chat_programs_lead_to_the_models(address: str) -> None:
    (block,) = documented.blocks("http", "yaml")
    (settings,) = yaml.safe_load(block)["endpoints"]["custom"]
    webui = next(text for text in documented.blocks("http", "console") if "open-webui" in text)
    assert f"OPENAI_API_BASE_URL={settings['baseURL']} OPENAI_API_KEY={settings['apiKey']}" in webui
    client = openai.OpenAI(base_url=settings["baseURL"].replace(WRITTEN, address), api_key=settings["apiKey"])
    with client:
        assert settings["models"]["default"] == [model.id for model in client.models.list()]


def test_the_table_of_endpoints_is_whole(address: str) -> None:
    page = (ROOT / "docs" / "http.md").read_text("utf-8")
    for path, methods in httpx.get(f"{address}/openapi.json", timeout=60).json()["paths"].items():
        if not path.startswith("/v1/"):
            assert f"`{next(iter(methods)).upper()} {path.replace('{paper_id}', 'ID')}`" in page
