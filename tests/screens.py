"""The pictures of the docs: `python -m tests.screens LIBRARY docs/screens` takes them of the chat over a library."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import ask, chromium, served

QUESTION = "which papers use Hessian approximations for quantization"
DESK = {"viewport": {"width": 1360, "height": 880}}
PHONE = {"viewport": {"width": 390, "height": 800}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}

Picture = tuple[str, dict[str, Any], Callable[[Page], None]]


def welcome(page: Page) -> None:
    expect(page.locator(".welcome")).to_be_visible()


def answer(page: Page) -> None:
    ask(page, QUESTION)
    page.locator(".cite").nth(3).click()
    page.wait_for_timeout(1800)


def list_of_papers(page: Page) -> None:
    page.get_by_role("tab", name="Library").click()
    page.locator("#search textarea, #search input").fill("pruning by second derivatives")
    page.locator("#search textarea, #search input").press("Enter")
    expect(page.locator("#papers")).to_contain_text("nearest to your words")
    page.locator(".shelf summary").first.click()


def table_of_answer(page: Page) -> None:
    ask(page, QUESTION)
    page.get_by_role("tab", name="Table").click()
    page.locator("#columns input, #columns textarea").fill("Hessian trace, bits of each layer, accuracy on ImageNet")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".compared")).to_be_visible(timeout=60_000)


def map_of_papers(page: Page) -> None:
    ask(page, QUESTION)
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("svg.map")).to_be_visible(timeout=60_000)
    page.locator(".cited").first.hover()


PICTURES: tuple[Picture, ...] = (
    ("welcome", DESK, welcome),
    ("answer", DESK, answer),
    ("answer-dark", DESK | {"color_scheme": "dark"}, answer),
    ("answer-phone", PHONE, answer),
    ("table", DESK, table_of_answer),
    ("map", DESK, map_of_papers),
    ("library", DESK, list_of_papers),
)


def main(library: str, folder: str) -> None:
    """Takes every picture, over a copy of the library without what people left in it."""
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        copy = shutil.copytree(library, Path(place) / "library", ignore=shutil.ignore_patterns("notes.db*"))
        with served(Path(copy), module="app") as address:
            for name, options, act in PICTURES:
                take(browser, address, Path(folder) / f"{name}.png", options, act)


def take(browser: Browser, address: str, path: Path, options: dict[str, Any], act: Callable[[Page], None]) -> None:
    """One picture, in a browser of its own."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.goto(address)
        act(page)
        page.wait_for_timeout(600)
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(96).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
