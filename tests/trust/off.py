"""A pytest plugin that switches one protection off, named by TRUST_OFF: the test named here must fail then."""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from filelock import FileLock
from markdown_it import MarkdownIt

Off = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Protection:
    """Something that stands between a fault and its damage."""

    name: str
    test: str
    """Node id of the test that fails without it."""
    off: Off


class Anything(str):
    """Equal to whatever it is compared with."""

    __slots__ = ()

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False

    __hash__ = str.__hash__


def _set(*changes: tuple[str, object]) -> Off:
    """What replaces these names, each `module.name` or `module.Class.name`, by these values."""

    def off(patch: pytest.MonkeyPatch) -> None:
        for target, value in changes:
            patch.setattr(target, value)

    return off


def _item(target: str, key: str, value: object) -> Off:
    """What replaces an item of a dictionary."""

    def off(patch: pytest.MonkeyPatch) -> None:
        module, _, name = target.rpartition(".")
        patch.setitem(getattr(importlib.import_module(module), name), key, value)

    return off


def _unlocked(path: Path) -> FileLock:
    path.mkdir(parents=True, exist_ok=True)
    return FileLock(path / f"writer-{time.monotonic_ns()}.lock")


class _Forgets(list[float]):
    """Failed logins that nobody remembers."""

    def append(self, _: float) -> None:
        pass


def _with_redirects(**options: Any) -> httpx.Client:
    return httpx.Client(**options | {"follow_redirects": True})


def _index_as_it_is(store: Any, index: Any, progress: Any = None) -> None:
    """`catch_up` without its count."""
    from ingest.project import _empty_outbox  # noqa: PLC0415

    _empty_outbox(store, index, progress)


INJECTED = "tests/trust/test_injection.py::test_an_order_is_obeyed_by_nobody_but_the_model"
BY_LLM, FAULTS, LIBRARY = "tests/test_by_llm.py", "tests/test_llm_faults.py", "tests/test_library.py"
A_FAULT = f"{FAULTS}::test_a_fault_is_told_in_time_by_its_kind"
PAYLOADS = "tests/trust/test_payloads.py"

PROTECTIONS: tuple[Protection, ...] = (
    Protection(
        "sentences that give orders are withheld from the model",
        f"{BY_LLM}::test_an_abstract_that_gives_orders_changes_nothing_even_where_the_model_obeys",
        _set(("assistant.by_llm.sheets.gives_orders", lambda _: False)),
    ),
    Protection(
        "a likely paper is not rejected by one reading beside others",
        f"{INJECTED}[encoded]",
        _set(("assistant.by_llm.judge.doubted", lambda *_: iter(()))),
    ),
    Protection(
        "a sentence that its source does not support is taken out",
        f"{BY_LLM}::test_a_number_that_its_source_lacks_takes_a_sentence_out",
        _set(("assistant.by_llm.reasoner.SUPPORTED_BESIDE", -1.0)),
    ),
    Protection(
        "markers that name nothing are dropped and counted",
        f"{BY_LLM}::test_papers_and_sentences_that_nobody_gave_it_are_dropped_and_counted",
        _set(("assistant.by_llm.sheets.Sheet.quote", lambda sheet, _: sheet.quotes[0])),
    ),
    Protection(
        "near duplicates are one work",
        "tests/trust/test_crowding.py::test_copies_are_one_work_and_push_nobody_out[other titles]",
        _set(("ingest.fold.same_work", lambda *_: False)),
    ),
    Protection(
        "text of papers is escaped in Markdown",
        "tests/test_compose.py::test_markup_from_a_paper_is_escaped",
        _set(("assistant.compose.escape", lambda text: text)),
    ),
    Protection(
        "characters that cannot be seen are removed",
        "tests/test_clean.py::test_what_cannot_be_seen_is_removed",
        _set(("ingest.clean._UNSEEN", re.compile(r"(?!)"))),
    ),
    Protection(
        "what a paper writes is no markup in the page",
        "tests/test_show_turn.py::test_nothing_in_an_answer_leads_or_loads_from_elsewhere",
        _set(("assistant.show.prose._markdown", lambda: MarkdownIt("commonmark", {"html": True}))),
    ),
    Protection(
        "the page's policy lets the browser call nobody",
        f"{PAYLOADS}::test_the_policy_alone_holds_where_text_has_become_markup",
        _item("assistant.show.guard._HEADERS", "content-security-policy", "default-src * 'unsafe-inline' data:"),
    ),
    Protection(
        "the page is served under this machine's names alone",
        "tests/test_show_guard.py::test_other_names_are_not",
        _set(("assistant.show.guard.host_of", lambda _: "localhost")),
    ),
    Protection(
        "other sites' pages may send nothing",
        "tests/test_show_guard.py::test_a_page_elsewhere_may_lead_here_and_no_more",
        _set(("assistant.show.guard._is_from_elsewhere", lambda *_: False)),
    ),
    Protection(
        "large requests are refused",
        "tests/test_show_guard.py::test_large_bodies_are_refused_whether_they_say_so_or_not",
        _set(("assistant.show.guard._length", lambda _: 0)),
    ),
    Protection(
        "whoever guesses a password is slowed down",
        "tests/test_show_guard.py::test_whoever_guesses_a_password_is_slowed_down",
        _set(("assistant.show.door.deque", lambda **_: _Forgets())),
    ),
    Protection(
        "redirects of a model's server are not followed",
        f"{FAULTS}::test_a_redirect_is_never_followed",
        _set(("assistant.llm.openai_chat.httpx", SimpleNamespace(**vars(httpx) | {"Client": _with_redirects}))),
    ),
    Protection(
        "a reply's bytes are bounded",
        f"{A_FAULT}[10 MB of text, plain]",
        _set(("assistant.llm.wire.MAX_BYTES", 10**12)),
    ),
    Protection(
        "every wait ends at one deadline",
        f"{A_FAULT}[body in drips, streamed]",
        _set(("assistant.llm.wire._limit", lambda *_: 5.0)),
    ),
    Protection(
        "three attempts are enough",
        "tests/test_llm_patience.py::test_what_may_pass_is_tried_again[request_0-overloaded-3]",
        _set(("assistant.llm.patience._ATTEMPTS", 5)),
    ),
    Protection(
        "a server that is down is left alone",
        "tests/test_llm_patience.py::test_after_five_failures_in_a_row_a_server_is_left_alone_for_a_while",
        _set(("assistant.llm.patience.Breaker.check", lambda _: None)),
    ),
    Protection(
        "no message shows the key or the request",
        f"{FAULTS}::test_the_reason_is_in_the_servers_words",
        _set(("assistant.llm.openai_failures._said", lambda message, *_: message)),
    ),
    Protection(
        "what the environment says of an account goes to its own service alone",
        "tests/test_llm_chat.py::test_what_the_environment_says_of_an_account_goes_to_no_other_service",
        _set(("assistant.llm.openai_chat._is_hosted", lambda _: True)),
    ),
    Protection(
        "offline, no model elsewhere is opened",
        "tests/test_llm_settings.py::test_why_there_is_no_model_is_told_in_one_line",
        _set(("assistant.llm.open.is_loopback", lambda _: True)),
    ),
    Protection(
        "what was committed is owed to the indexes",
        f"{LIBRARY}::test_what_was_committed_and_not_indexed_is_indexed_when_opened",
        _set(("ingest.store.Store._owe", lambda *_: None), ("ingest.library.catch_up", _index_as_it_is)),
    ),
    Protection(
        "an index that holds too little is made anew",
        f"{LIBRARY}::test_an_index_that_acknowledged_what_it_lost_is_made_anew",
        _set(("ingest.library.catch_up", _index_as_it_is)),
    ),
    Protection(
        "an index that cannot be opened is made anew",
        f"{LIBRARY}::test_an_index_that_is_a_file_is_made_anew",
        _set(("ingest.library._remove_damaged", lambda *_: None)),
    ),
    Protection(
        "what cannot be read for want of room is read from a copy",
        "tests/trust/test_disks.py::test_a_disk_that_fills_up_loses_nothing[5m]",
        _set(("ingest.chroma_folder._FULL", "no such words")),
    ),
    Protection("one writer at a time", "tests/trust/test_processes.py::test_of_twenty_second_writers_each_is_refused",
               _set(("ingest.library._take_lock", _unlocked))),
    Protection(
        "a newer library is refused",
        "tests/trust/test_upgrade.py::test_a_newer_library_is_refused_in_one_line",
        _set(("ingest.store.SCHEMA_VERSION", 99)),
    ),
    Protection(
        "a library is backed up before its schema changes",
        "tests/trust/test_upgrade.py::test_a_library_of_every_released_version_is_read_backed_up_and_taken_over",
        _set(("ingest.store.Store._back_up", lambda *_: None)),
    ),
    Protection(
        "an index that brings a model of its own is not opened",
        "tests/trust/test_upgrade.py::test_an_index_that_brings_a_model_of_its_own_is_never_opened",
        _set(("ingest.chroma_folder._check_owner", lambda _: None)),
    ),
    Protection(
        "what memory held is blanked in an index that has room for more",
        "tests/test_damage.py::test_what_memory_held_is_not_left_in_a_graph_that_holds_nothing",
        _set(("ingest.chroma_folder._blank", lambda _: None)),
    ),
    Protection(
        "weights are the published ones",
        "tests/test_encode.py::test_weights_that_are_not_the_published_ones_are_refused",
        _set(("ingest.minilm.MINILM_SHA256", Anything())),
    ),
)  # fmt: skip


def switch_off() -> None:
    """Switches off what TRUST_OFF names, for as long as the process lives; child processes of tests call it too."""
    name = os.environ.get("TRUST_OFF")
    for protection in PROTECTIONS:
        if protection.name == name:
            protection.off(pytest.MonkeyPatch())
            return
    assert not name, f"no protection {name!r}"


def pytest_configure() -> None:
    """Before any test is collected."""
    switch_off()
