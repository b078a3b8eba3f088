"""A browser and a chat for tests: Debian's Chromium by Playwright, and the page served by a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.apt import program
from tests.llm_server import LLMServer
from tests.processes import ROOT, environment

START_S = 180


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, which may call nobody but this machine; skips the test where there is none."""
    path = program("chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


def by(server: LLMServer) -> dict[str, str]:
    """The variables that name a language model's server."""
    return {"OPENAI_BASE_URL": server.url, "WHICHPAPERS_MODEL": "scripted"}


class Address(str):
    """Where a chat is served, and by which process."""

    pid: int


@contextmanager
def served(library: Path, *arguments: str, module: str = "tests.chat", **variables: str) -> Iterator[Address]:
    """The address of a chat over `library`, as long as it is needed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = library.with_name(f"{library.name}-{port}.log")
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--library", str(library), "--port", str(port), *arguments],
            cwd=ROOT, env=environment(**variables), stdout=said, stderr=said,
        )  # fmt: skip
        address = Address(f"http://127.0.0.1:{port}/")
        address.pid = process.pid
        try:
            _wait_for(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (our own address)
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the chat did not start:\n{log.read_text('utf-8')}")


def ask(page: Page, question: str) -> None:
    """Asks, and waits until the answer is there."""
    turns = page.locator(".turn[data-turn]").count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    page.locator(".turn[data-turn]").nth(turns).wait_for()
    page.locator(".turn.live").wait_for(state="detached")
