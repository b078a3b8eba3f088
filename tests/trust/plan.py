"""What is promised, and which tests try to break it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One row of docs/trust.md."""

    name: str
    promise: str
    """In words for a user."""
    tests: tuple[str, ...]
    """Files, or node ids, as pytest takes them."""
    alone: bool = False
    """Whether nothing else is to run meanwhile: it holds times to a bar."""


CHECKS = (
    Check(
        "injection",
        "Text in a paper gives no orders: no foreign address, no leak, no false citation; and, but for quick answers,"
        " no likely paper's verdict changed, even by a model that obeys whatever it reads",
        ("tests/trust/test_injection.py", "tests/test_by_llm.py"),
    ),
    Check(
        "poisoning",
        "Copies of a hostile paper, however varied, are one work, quoted twice at most; they push no other paper out",
        ("tests/trust/test_crowding.py", "tests/test_merge.py"),
    ),
    Check(
        "model faults",
        "Whatever a model's server does, there is an answer or one clear line, in time, after at most three attempts;"
        " the key is never shown or kept",
        ("tests/trust/test_faults.py", "tests/test_llm_faults.py", "tests/test_llm_patience.py"),
    ),
    Check(
        "malformed replies",
        "Whatever a model writes, an answer is well formed, each citation resolves, and nothing invented is cited",
        ("tests/trust/test_replies.py", "tests/test_llm_structured.py", "tests/test_llm_answers.py"),
    ),
    Check(
        "crashes",
        "No acknowledged paper is lost, and none is there twice, when a writer is killed at any moment",
        ("tests/test_crash.py",),
    ),
    Check(
        "steps",
        "The same, of a writer killed at each of twelve named steps of adding, changing and removing",
        ("tests/trust/test_steps.py",),
    ),
    Check(
        "disks",
        "A full or read-only disk, a damaged index and a jumping clock lose nothing that was stored",
        ("tests/trust/test_disks.py", "tests/test_library.py", "tests/test_damage.py"),
    ),
    Check(
        "processes",
        "One writer at a time; readers go on, miss nothing, and see what is new within two seconds",
        ("tests/trust/test_processes.py",),
        alone=True,
    ),
    Check(
        "fuzz",
        "No text and no file makes a reader, a parser or an entry point fail otherwise than in one clear line",
        (
            "tests/trust/test_naughty.py", "tests/test_archives.py", "tests/test_bad_input.py", "tests/test_clean.py",
            "tests/test_split.py", "tests/test_where.py", "tests/test_show_turn.py", "tests/test_source_traps.py",
            "tests/test_compose.py", "tests/test_json_lines.py", "tests/test_saved_page.py", "tests/test_export.py",
            "tests/test_source_fuzz.py", "tests/test_source_round_trips.py",
        ),
    ),
    Check(
        "browser",
        "No text in a paper, a question or a reply makes the browser call anyone or run anything",
        ("tests/trust/test_payloads.py",),
    ),
    Check(
        "HTTP and chat",
        "Chat and server are for this machine, or for who has the password; anything else is refused in one line",
        (
            "tests/trust/test_probes.py", "tests/test_show_guard.py", "tests/test_show_door.py",
            "tests/test_serve_gate.py",
        ),
    ),
    Check(
        "load",
        "Sixteen people at once, and a hundred questions in one moment: answered, or refused with 503; none mixed up",
        ("tests/trust/test_load.py", "tests/test_show_load.py"),
        alone=True,
    ),
    Check(
        "offline",
        "Nothing leaves the machine: the whole product works without any network",
        ("tests/trust/test_offline.py",),
    ),
    Check(
        "supply chain",
        "Dependencies are pinned and their licences fit; weights are checked; no index from elsewhere runs code",
        (
            "tests/trust/test_supply.py",
            "tests/test_encode.py::test_weights_that_are_not_the_published_ones_are_refused",
        ),
    ),
    Check(
        "upgrade",
        "A library of every released schema opens, is backed up before it is changed, and a newer one is refused",
        ("tests/trust/test_upgrade.py", "tests/test_store.py"),
    ),
    Check(
        "the same again",
        "The same recorded run gives the same answer, byte for byte",
        (
            "tests/trust/test_same_again.py",
            "tests/test_bundle.py",
            "tests/test_bundle_refused.py",
            "tests/test_llm_record.py",
        ),
    ),
)  # fmt: skip
