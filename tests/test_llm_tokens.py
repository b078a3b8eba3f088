"""Tokens counted without a network, and what calls cost."""

from __future__ import annotations

import json
import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import tiktoken

import assistant.llm.meter
from assistant.llm import tokens
from assistant.llm.meter import Meter, cost_usd
from assistant.llm.records import Message, Reply
from assistant.llm.tokens import TokensUnavailable, count, count_messages
from assistant.records import Usage
from tests.timing import within


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket", None)
    tokens._loaded.cache_clear()


@pytest.mark.usefixtures("no_socket")
@pytest.mark.parametrize(
    ("text", "tokens_"),
    [("", 0), ("hello world", 2), ("<|endoftext|>", 7), ("<|im_start|>", 6), ("\ud800", 1), ("naïve café", 4)],
)
def test_counts(text: str, tokens_: int) -> None:
    assert count(text) == tokens_


@pytest.mark.usefixtures("no_socket")
@pytest.mark.parametrize("before", [None, "/elsewhere"])
def test_the_users_variable_is_left_as_it_was(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    if before:
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", before)
    assert count("hello") == 1
    assert os.environ.get("TIKTOKEN_CACHE_DIR") == before


@pytest.mark.usefixtures("no_socket")
def test_threads_that_are_first_do_not_get_into_each_others_way(monkeypatch: pytest.MonkeyPatch) -> None:
    load, counted = tiktoken.get_encoding, list[int]()

    def slowly(name: str) -> tiktoken.Encoding:
        time.sleep(0.05)
        return load(name)

    monkeypatch.setattr(tiktoken, "get_encoding", slowly)
    threads = [threading.Thread(target=lambda: counted.append(count("hello world"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted == [2] * 16


@pytest.mark.parametrize("text", ["a" * 1_000_000, " " * 1_000_000, "é" * 300_000, "word " * 200_000])
def test_long_texts_are_counted_in_time(text: str) -> None:
    assert 0 < within(10, partial(count, text)) <= len(text)


def test_cutting_a_long_text_hardly_changes_its_count() -> None:
    text = "Layers differ in how well they bear quantization. " * 2_000
    assert 0 <= count(text) - len(tokens._encoding().encode_ordinary(text)) <= len(text) / tokens._PIECE_CHARS


def test_messages_cost_a_little_more_than_their_text() -> None:
    messages = (Message("system", "hello world"), Message("user", "hello"))
    assert count_messages(messages) == 2 + 1 + 2 * 4


@pytest.mark.usefixtures("no_socket")
def test_an_altered_file_is_an_error_and_not_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_SHA256", "0" * 64)
    with pytest.raises(TokensUnavailable, match="missing or altered"):
        count("hello")
    monkeypatch.setattr(tokens, "_FILE", "absent")
    with pytest.raises(TokensUnavailable, match="absent is missing"):
        count("hello")
    assert list(tmp_path.iterdir()) == []


# --- what calls cost --------------------------------------------------------------------------------------------------

TABLE = json.loads(Path(assistant.llm.meter.__file__).with_name("prices.json").read_text("utf-8"))


def reply(model: str, prompt: int = 1_000_000, completion: int = 500_000, **more: object) -> Reply:
    return Reply("x", model, prompt, completion, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", TABLE["models"])
def test_prices_are_those_of_the_table(model: str) -> None:
    row = TABLE["models"][model]
    assert cost_usd(model, 1_000_000, 500_000) == pytest.approx(row["prompt"] + row["completion"] / 2)
    assert 0 < row["prompt"] < row["completion"] < 100


@pytest.mark.parametrize(
    ("model", "known_as"),
    [("gpt-4o-2024-08-06", "gpt-4o"), ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"), ("gpt-4.1-20250414", "gpt-4.1")],
)
def test_a_dated_name_has_the_price_of_its_model(model: str, known_as: str) -> None:
    assert cost_usd(model, 7, 9) == cost_usd(known_as, 7, 9) is not None


@pytest.mark.parametrize(
    "model", ["", "llama3", "gpt-4o-mini-search-preview", "gpt-4o-1", "my-gpt-4o", "gpt-4", "GPT-4o"]
)
def test_the_price_of_another_model_is_not_known(model: str) -> None:
    assert cost_usd(model, 1, 1) is None


def test_a_meter_adds_up() -> None:
    meter = Meter()
    assert meter.usage() == Usage(0, 0, 0, 0.0)
    meter.add(reply("gpt-4o-mini", calls=2))
    meter.add(reply("gpt-4o-mini"))
    meter.add(reply("gpt-4o-mini", calls=0))
    assert meter.usage() == Usage(3, 2_000_000, 1_000_000, 0.9)
    meter.add(reply("llama3", 10, 5, local=True))
    assert meter.usage() == Usage(4, 2_000_010, 1_000_005, 0.9)
    meter.add_failed(3)
    assert meter.usage() == Usage(7, 2_000_010, 1_000_005, 0.9)
    meter.add(reply("llama3", 10, 5))
    meter.add(reply("gpt-4o-mini"))
    assert meter.usage() == Usage(9, 3_000_020, 1_500_010, None)


def test_many_threads_share_a_meter() -> None:
    meter = Meter()

    def add() -> None:
        for _ in range(2_000):
            meter.add(reply("gpt-4o-mini", 1, 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.usage() == Usage(8_000, 8_000, 8_000, 0.006)
