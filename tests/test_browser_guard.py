"""The chat in a real browser, as someone who means it harm meets it; and what hostile papers do there: nothing."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from ingest import Settings, ingest
from tests import test_browser
from tests.browser import ask, served
from tests.fakes import WordEncoder
from tests.test_browser import HESSIAN, PASSWORD, save_as, tab, visited

pytestmark = pytest.mark.slow

browser, address = test_browser.browser, test_browser.address


@pytest.mark.parametrize(
    "place", ["/etc/passwd", "app.py", "../app.py", ".git/config", "http://127.0.0.1:1/", "{library}/library.db"]
)
def test_no_file_outside_what_was_uploaded_can_be_read(address: str, path: Path, place: str) -> None:
    for name in (f"gradio_api/file={place}", f"file={place}", f"static/{place}", f"assets/{place}"):
        got = httpx.get(address + name.format(library=path), follow_redirects=True, timeout=60)
        assert got.status_code in (400, 403, 404, 405), name
        assert b"root:" not in got.content


def test_every_page_comes_with_its_policy_and_to_its_own_name_alone(address: str) -> None:
    assert "default-src 'self'" in httpx.get(address, timeout=60).headers["content-security-policy"]
    assert httpx.get(address, headers={"host": "evil.example"}, timeout=60).status_code == 421
    assert httpx.post(address + "gradio_api/queue/join", content=b"x" * 1_000_000, timeout=60).status_code == 413


def test_a_wrong_password_stays_outside(browser: Browser, path: Path) -> None:
    with served(path, WHICHPAPERS_PASSWORD=PASSWORD) as address, visited(browser, address) as page:
        log_in(page, "wrong")
        expect(page.get_by_text("Incorrect credentials")).to_be_visible()
        expect(page.locator("#question")).to_have_count(0)
        log_in(page, PASSWORD)
        expect(page.locator(".welcome")).to_be_visible()
        ask(page, HESSIAN)
        save_as(page, "CSV", path)
        with visited(browser, address) as other:
            log_in(other, PASSWORD)
            expect(other.locator(".conversations li")).to_have_count(1)


def log_in(page: Page, password: str) -> None:
    page.get_by_label("username").fill("reader")
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Login").click()


HOSTILE = (
    "<script>window.ran = 1</script>", "<img src=x onerror='window.ran = 1'>", "![x](http://evil.example/a.png)",
    "[x](javascript:window.ran=1)", "<svg onload=window.ran=1>", "<style>*{background:url(http://evil.example/b)}</style>",
    "${window.ran = 1}", "{{constructor.constructor('window.ran=1')()}}", "`${alert(1)}`", "</mark></p></details><h1>",
    "<iframe srcdoc='<script>parent.ran=1</script>'>", "<a href='http://evil.example'>x</a>", "\u202egnol si siht",
    r"\frac{\badly$broken \(latex", "[1] [2] [99]", '"><input autofocus onfocus=window.ran=1>', "&lt;b&gt; &#60;",
    "<video poster=http://evil.example/c>", "<table background=http://evil.example/d>", "x" * 20_000,
)  # fmt: skip


def test_a_hostile_corpus_shows_as_text_and_does_nothing(browser: Browser, tmp_path: Path) -> None:
    source, fake = tmp_path / "<img src=x onerror=window.ran=1>.jsonl", WordEncoder()
    settings = Settings(library=tmp_path / "library", encoder=fake.name, offline=True)
    records = [
        {"id": f"{text[:60]}{n}", "title": f"Newts {n} {text}", "authors": [text], "url": text,
         "abstract": f"Newts swim in ponds {text} at night. Ponds are wet."}
        for n, text in enumerate(HOSTILE)
    ]  # fmt: skip
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    ingest(source, settings=settings, encoder=fake)
    with served(settings.library) as address, visited(browser, address) as page:
        ask(page, "which papers are about newts that swim in ponds?")
        assert page.locator(".card").count() > 5
        for card in page.locator(".card summary").all()[1:]:
            card.click()
        harmless(page)
        ask(page, "which papers are about newts <img src=x onerror=window.ran=1> ![x](http://evil.example/q)?")
        harmless(page)
        page.reload()
        expect(page.locator(".turn")).to_have_count(2)
        tab(page, "Map")
        expect(page.locator("svg.map")).to_be_visible()
        for point in page.locator("svg.map [data-paper]").all():
            point.dispatch_event("pointerover")
            point.dispatch_event("click")
            harmless(page)
        tab(page, "Library")
        expect(page.locator(".shelf li").first).to_be_visible()
        for paper in page.locator(".shelf summary").all():
            paper.click()
        page.locator("#upload input[type=file]").set_input_files(source)
        expect(page.locator(".report")).to_be_visible()
        harmless(page)


def harmless(page: Page) -> None:
    assert page.evaluate("window.ran") is None
    inside = ".thread, #point, #map, #papers, #report, #kept"
    tags = "script, img, iframe, style, video, input, h1, table, a[href^=javascript]"
    found = page.evaluate(
        "([inside, tags]) => [...document.querySelectorAll(inside)].flatMap(e => [...e.querySelectorAll(tags)])"
        ".map(e => e.outerHTML)", [inside, tags],
    )  # fmt: skip
    assert found == []
    width = page.viewport_size
    assert width
    assert page.evaluate("document.documentElement.scrollWidth") <= width["width"]
