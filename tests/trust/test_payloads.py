"""What makes a browser call someone or run something, in papers, questions and answers, in a real browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from assistant import Assistant
from evals import html
from evals.cases import read_cases
from evals.examine import Examiner
from evals.run import run
from evals.systems import Product
from ingest import Library, Settings, ingest
from tests.browser import ask, chromium, served
from tests.fakes import WordEncoder
from tests.libraries import many
from tests.trust.tier import some

pytestmark = pytest.mark.slow

PAYLOADS: tuple[str, ...] = tuple(json.loads(Path(__file__).with_name("payloads.json").read_text("utf-8")))
"""33 kinds, ours; @ stands for the attacker's address."""


@dataclass
class Canary:
    """A server of the attacker's: whoever calls it is written down."""

    hits: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def listening() -> Iterator[Canary]:
    canary = Canary()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # and whatever else it is asked
            canary.hits.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_OPTIONS = do_HEAD = do_GET  # noqa: N815 (the server's names)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        canary.address = f"http://127.0.0.1:{http.server_address[1]}"
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield canary
        http.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def canary() -> Iterator[Canary]:
    with listening() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def texts(canary: Canary) -> list[str]:
    """The payloads but the one that would leave the page."""
    return [payload.replace("@", canary.address) for payload in PAYLOADS if "http-equiv" not in payload]


def word(number: int) -> str:
    return f"newtling{'abcdefghijklmnopqrstuvwxyz'[number // 26]}{'abcdefghijklmnopqrstuvwxyz'[number % 26]}"


@pytest.fixture
def poisoned(tmp_path: Path, canary: Canary) -> Path:
    """A paper for each payload, which stands in everything that is told of it."""
    source, fake = tmp_path / "papers.jsonl", WordEncoder()
    records = []
    for number, (payload, paper) in enumerate(zip(PAYLOADS, many(33), strict=True)):
        text = payload.replace("@", canary.address)
        records.append({
            "id": f"p{number}", "title": f"{paper.title} {word(number)} {text}", "authors": [text], "venue": text,
            "abstract": f"{paper.abstract} The {word(number)} swims {text} at night in a pond.", "url": text,
        })  # fmt: skip
    source.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    settings = Settings(library=tmp_path / "library", encoder=fake.name, offline=True)
    assert ingest(source, settings=settings, encoder=fake).added == len(PAYLOADS) == 33
    return settings.library


def unharmed(page: Page, canary: Canary) -> None:
    page.wait_for_timeout(150)
    assert canary.hits == []
    assert page.evaluate("window.ran") is None
    inside = "[...document.querySelectorAll('.turn')]"
    tags = "script, img, iframe, style, video, audio, object, embed, link, meta, base, form, input, svg, picture"
    assert page.evaluate(f"{inside}.flatMap(e => [...e.querySelectorAll('{tags}')]).map(e => e.outerHTML)") == []


def opened(page: Page) -> None:
    for card in page.locator(".card summary").all():
        card.click()


def test_no_payload_calls_anyone_alone_streamed_reloaded_or_together(
    page: Page, canary: Canary, poisoned: Path, record_property: Callable[[str, object], None]
) -> None:
    chosen = some(range(len(PAYLOADS)), 5)
    with served(poisoned, module="tests.trust.payload_chat") as address:
        for number in chosen:
            page.goto(address)
            ask(page, f"which papers are about {word(number)}? {PAYLOADS[number].replace('@', canary.address)}")
            expect(page.locator(".card").first).to_be_visible(timeout=30_000)
            opened(page)
            unharmed(page, canary)
            page.reload()
            expect(page.locator(".card").first).to_be_visible(timeout=30_000)
            unharmed(page, canary)
        page.goto(address)
        ask(page, "which papers are about what swims in a pond at night?")
        opened(page)
        unharmed(page, canary)
        page.reload()
        expect(page.locator(".turn")).to_have_count(1, timeout=30_000)
        unharmed(page, canary)
    record_property("cases", 3 * len(chosen) + 2)


def test_the_policy_alone_holds_where_text_has_become_markup(
    page: Page, canary: Canary, poisoned: Path, record_property: Callable[[str, object], None]
) -> None:
    """As if nothing were escaped: each payload is put into the page as HTML."""
    put = "t => { const e = document.createElement('div'); e.innerHTML = t; document.body.append(e) }"
    with served(poisoned, module="tests.trust.payload_chat") as address:
        page.goto(address)
        for text in texts(canary):
            page.evaluate(put, text)
        page.wait_for_timeout(1_000)
        assert canary.hits == []
    record_property("cases", len(texts(canary)))


def test_the_same_payloads_call_out_of_a_page_without_protection(
    page: Page, canary: Canary, record_property: Callable[[str, object], None]
) -> None:
    """Else the tests above could not fail."""
    page.set_content("".join(texts(canary)))
    page.wait_for_timeout(1_500)
    assert len(set(canary.hits)) >= 8
    record_property(
        "told", f"of a page without protection {len(set(canary.hits))} of the same payloads call the attacker"
    )


def test_a_report_calls_nobody(
    page: Page, canary: Canary, poisoned: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    title = f"{next(many(1)).title} {word(0)} {texts(canary)[0]}"
    cases = [
        {"id": f"c{n}", "type": "list",
         "question": f"which papers are about {word(n)}? {PAYLOADS[n].replace('@', canary.address)}",
         "relevant": [{"title": title, "grade": 2}],
         "nuggets": [{"text": PAYLOADS[n].replace("@", canary.address), "titles": [title], "vital": True}]}
        for n in range(len(PAYLOADS))
    ]  # fmt: skip
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases), "utf-8")
    settings = Settings(library=poisoned, encoder="words-64", offline=True)
    with Library.open(poisoned, settings, WordEncoder()) as library:
        asked = read_cases([tmp_path / "cases.jsonl"], library)
        product = Product(Assistant(library, settings), "offline", "thorough")
        outcomes = list(run(product, asked, Examiner(library)))
    hostile = PAYLOADS[26].replace("@", canary.address)
    about = dict.fromkeys(("date", "commit", "system", "depth", "cases", "papers", "library_sha256"), hostile)
    report = tmp_path / "report.html"
    report.write_text(html.page({**about, "modes": [hostile]}, [hostile], outcomes, []), "utf-8")
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    page.wait_for_timeout(500)
    assert canary.hits == []
    assert page.evaluate("window.ran") is None
    assert page.locator("img, script, iframe, video, audio, object, embed, form, input").count() == 0
    record_property("cases", len(PAYLOADS))
