"""What makes a browser call someone or run something, in papers, questions and answers, in a real browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
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
from ingest.notes import Notes
from tests.browser import ask, by, chromium, served
from tests.fakes import WordEncoder
from tests.libraries import many
from tests.llm_server import Act, LLMServer, Received, Script, paced, says
from tests.test_by_llm import PLAN, sheets, supported
from tests.test_llm_answers import stage_of
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


def library_of(folder: Path, texts: Iterable[str]) -> Path:
    """A library of papers, each with one of `texts` in everything that is told of it."""
    source, fake = folder / "papers.jsonl", WordEncoder()
    records = [
        {
            "id": f"p{number}", "title": f"{paper.title} {word(number)} {text}", "authors": [text], "venue": text,
            "abstract": f"{paper.abstract} The {word(number)} swims {text} at night in a pond.", "url": text,
        }
        for number, (text, paper) in enumerate(zip(texts, many(33), strict=True))
    ]  # fmt: skip
    source.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    settings = Settings(library=folder / "library", encoder=fake.name, offline=True)
    assert ingest(source, settings=settings, encoder=fake).added == len(PAYLOADS) == 33
    return settings.library


@pytest.fixture
def poisoned(tmp_path: Path, canary: Canary) -> Path:
    """A paper for each payload."""
    return library_of(tmp_path, (payload.replace("@", canary.address) for payload in PAYLOADS))


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


def hostile(canary: Canary, wanted: set[int]) -> Script:
    """A model that puts the payloads of the `wanted` numbers into what it writes of honest papers."""

    def line(key: int, lines: list[str], number: int) -> str:
        at = next(n for n, text in enumerate(lines) if n and word(number) in text)
        text = PAYLOADS[number].replace("@", canary.address).replace("\n", " ")
        return f"{key}: The {word(number)} swims {text} at night in a pond. [{key}.{at}]"

    def script(received: Received) -> Act:
        prompt, stage = received.body["messages"][-1]["content"], stage_of(received)
        found = [(*sheet, n) for title, sheet in sheets(prompt).items() for n in sorted(wanted) if word(n) in title]
        judged = [{"paper": key, "meets": [1], "role": "uses", "sentences": [5]} for key, _, _ in found]
        question = f"which papers tell how the {' or the '.join(map(word, sorted(wanted)))} swims?"
        return says({
            "understand": json.dumps({**PLAN, "question": question, "criteria": ["swims at night"]}),
            "judge": json.dumps({"papers": judged}),
            "answer_list": "\n".join(line(*one) for one in found) if stage == "answer_list" else "",
            "verify": supported(prompt),
        }[stage])  # fmt: skip

    return script


def test_no_payload_calls_anyone_while_a_model_writes_it(
    page: Page, canary: Canary, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chosen, wanted, library = some(range(len(PAYLOADS)), 2), set[int](), library_of(tmp_path, ["calmly"] * 33)
    quick = hostile(canary, wanted)
    slow = paced(quick, 0.01)
    with (
        LLMServer(lambda received: (slow if stage_of(received) == "answer_list" else quick)(received)) as server,
        served(library, module="tests.trust.payload_chat", **by(server)) as address,
    ):
        for numbers in (*({number} for number in chosen), set(chosen)):
            wanted.clear()
            wanted.update(numbers)
            page.goto(address)
            ask(page, f"which papers tell how the {' or the '.join(map(word, sorted(numbers)))} swims?")
            opened(page)
            unharmed(page, canary)
            page.reload()
            expect(page.locator(".turn").first).to_be_visible(timeout=30_000)
            unharmed(page, canary)
    with Notes(library / "notes.db") as notes:
        answers = [turn.answer or "" for talk in notes.conversations("") for turn in notes.turns("", talk.id)]
    assert [json.loads(answer)["mode"] for answer in answers] == ["llm"] * (len(chosen) + 1)
    record_property("cases", 2 * (len(chosen) + 1))
    kept = sum("127.0.0.1" in answer or "javascript" in answer for answer in answers)
    record_property("told", f"a model writes {len(chosen)} payloads into its sentences, alone and all together:"
                    f" {kept} of {len(answers)} answers keep them, as text")  # fmt: skip


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
