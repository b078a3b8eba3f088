"""The chat in a real browser, as a person meets it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect

from assistant.bundle import read
from assistant.replay import replay
from assistant.show.exports import FORMS
from ingest import Settings, ingest
from tests.browser import ask, chromium, served
from tests.fakes import WordEncoder

pytestmark = pytest.mark.slow

expect.set_options(timeout=60_000)

HESSIAN = "which papers use the Hessian?"
PASSWORD = "open sesame"  # noqa: S105 (of a test)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(six_papers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    library = shutil.copytree(six_papers / "library", tmp_path_factory.mktemp("chat") / "library")
    with served(Path(library)) as served_at:
        yield served_at


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with visited(browser, address) as opened:
        yield opened


class visited:  # noqa: N801 (used as a function)
    """A page in a browser of its own, which must meet no error and call no other machine."""

    def __init__(self, browser: Browser, address: str, **options: object) -> None:
        self._context = browser.new_context(**options)  # type: ignore[arg-type]
        self.page, self._address = self._context.new_page(), address
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self._request(request.url))

    def _dialog(self, dialog: object) -> None:
        self.wrong.append("a dialog")
        dialog.dismiss()  # type: ignore[attr-defined]

    def _request(self, url: str) -> None:
        if not url.startswith((self._address, "data:", "blob:")):
            self.wrong.append(url)

    def __enter__(self) -> Page:
        self.page.goto(self._address)
        return self.page

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._context.close()
        assert kind or not self.wrong


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_an_answer_opens_its_proof_with_the_sentence_marked(page: Page) -> None:
    expect(page.locator(".welcome h1")).to_contain_text("6 papers")
    ask(page, HESSIAN)
    expect(page.locator(".coverage")).to_contain_text("6 papers")
    page.locator(".cite", has_text="2").first.click()
    card = page.locator(".card").nth(1)
    expect(card).to_be_focused()
    expect(card.locator("details")).to_have_attribute("open", "")
    mark = card.locator("mark").first
    expect(mark).to_be_visible()
    assert mark.inner_text() in page.locator(".answer .prose").inner_text()
    card.locator(".use").first.click()
    expect(page.locator(".cite", has_text="2").first).to_be_focused()


def test_an_example_is_put_into_the_box(page: Page) -> None:
    page.locator(".examples button").first.click()
    expect(page.locator("#question textarea")).to_have_value(re.compile(r"\w+"))
    expect(page.locator("#question textarea")).to_be_focused()


def test_as_many_papers_are_shown_as_are_wanted(browser: Browser, tmp_path: Path) -> None:
    source, fake = tmp_path / "newts.jsonl", WordEncoder()
    records = [{"title": f"Newts {n}", "abstract": f"Newts number {n} swim in ponds at night."} for n in range(14)]
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    settings = Settings(library=tmp_path / "library", encoder=fake.name, offline=True)
    ingest(source, settings=settings, encoder=fake)
    with served(settings.library) as address, visited(browser, address) as page:
        ask(page, "which papers are about newts that swim in ponds?")
        count = page.locator(".card").count()
        assert count > 10
        expect(page.locator(".card:visible")).to_have_count(count)
        page.get_by_label("Papers shown").select_option("10")
        expect(page.locator(".card:visible")).to_have_count(10)
        expect(page.locator(".answer li:visible")).to_have_count(10)
        page.reload()
        expect(page.locator(".card:visible")).to_have_count(10)
        page.get_by_role("button", name=f"Show all {count} papers").click()
        expect(page.locator(".card:visible")).to_have_count(count)


def test_an_answer_is_saved_in_every_form(page: Page, tmp_path: Path) -> None:
    ask(page, HESSIAN)
    for form in FORMS.values():
        path = save_as(page, form.name, tmp_path)
        assert path.name.endswith(form.ending)
        assert "Mixed Precision from Hessian Traces" in path.read_text("utf-8")
    assert replay(read(save_as(page, "Replay bundle", tmp_path))).question == HESSIAN


def save_as(page: Page, form: str, folder: Path) -> Path:
    page.locator(".menu summary").last.click()
    with page.expect_download() as saved:
        page.get_by_role("button", name=f"Save as {form}", exact=True).last.click()
    path = folder / saved.value.suggested_filename
    saved.value.save_as(path)
    return path


def test_judgements_are_kept_and_saved_as_cases(page: Page, tmp_path: Path) -> None:
    ask(page, HESSIAN)
    relevant = page.locator(".card").first.get_by_role("button", name="Relevant", exact=True)
    relevant.click()
    expect(relevant).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(relevant).to_have_attribute("aria-pressed", "true")
    tab(page, "Library")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save my judgements").click()
    saved.value.save_as(tmp_path / "cases")
    case = json.loads((tmp_path / "cases").read_text("utf-8").splitlines()[0])
    assert case["question"] == HESSIAN


def test_papers_are_added_and_what_is_not_taken_is_told(page: Page, tmp_path: Path) -> None:
    good, bad = tmp_path / "newts.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night."}\n{"title": "Bare"}\n')
    bad.write_text('{"title": "Bare"}\n')
    tab(page, "Library")
    search = page.get_by_placeholder("Search the library")
    search.fill("diffusion sampling")
    search.press("Enter")
    expect(page.locator("#papers")).to_contain_text("1 to 6, nearest to your words first")
    page.locator("#upload input[type=file]").set_input_files(good)
    expect(page.locator(".report")).to_contain_text("newts.jsonl:2")
    expect(page.locator(".status")).to_contain_text("7 papers")
    expect(page.locator("#papers")).to_contain_text("1 to 7, nearest to your words first")
    expect(page.locator("#price p")).to_have_text("Reads 7 of 7 papers · no cost")
    page.locator("#upload input[type=file]").set_input_files(bad)
    expect(page.locator(".report.refused")).to_contain_text("bad.jsonl:1")
    search.fill("newts")
    search.press("Enter")
    expect(page.locator(".shelf li").first).to_contain_text("Newts in Ponds seen in newts.jsonl, line 1")
    page.locator(".shelf summary").first.click()
    expect(page.locator(".shelf .abstract").first).to_contain_text("at night")


def test_the_papers_of_an_answer_are_compared_in_a_table(page: Page, tmp_path: Path) -> None:
    ask(page, HESSIAN)
    tab(page, "Table")
    page.locator("#columns input, #columns textarea").fill(",")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#table")).to_contain_text("Name what to compare")
    expect(page.get_by_text("Error", exact=True)).to_have_count(0)
    page.locator("#columns input, #columns textarea").fill("Hessian, bits")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".compared tbody tr")).to_have_count(2)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").last.click()
    saved.value.save_as(tmp_path / "table.csv")
    assert "Hessian: quote" in (tmp_path / "table.csv").read_text("utf-8").splitlines()[0]


def test_a_filter_is_kept_to_and_shown(page: Page) -> None:
    narrow = page.get_by_role("button", name="Filter")
    narrow.click()
    expect(page.get_by_label("From year")).to_be_focused()
    assert told(narrow) == "none"
    page.get_by_label("From year").fill("2023")
    page.get_by_label("From year").press("Enter")
    expect(page.locator("#price")).to_contain_text("Reads 1 of the 1 paper that the filter leaves")
    narrow.click()
    expect(page.get_by_label("From year")).to_be_hidden()
    assert told(narrow) == '" is on"'
    narrow.click()
    ask(page, "which papers quantize weights?")
    expect(page.locator(".asked h2 small")).to_have_text("only papers where year >= 2023")
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_label("From year").fill("")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator('.turn[data-turn]:not([data-turn="1"])')).to_have_count(1)
    expect(page.locator(".asked h2 small")).to_have_text("only papers where year >= 2023")
    page.get_by_label("To year").fill("no")
    page.get_by_label("To year").press("Enter")
    expect(page.locator("#price")).to_contain_text("cannot read the filter")


def told(button: Locator) -> str:
    """What the style adds to a button's name."""
    added: str = button.evaluate("button => getComputedStyle(button, '::after').content")
    return added


def test_a_paper_is_removed(page: Page) -> None:
    tab(page, "Library")
    page.evaluate("window.confirm = () => true")
    page.locator(".shelf summary", has_text="Diffusion Sampling").click()
    before = page.locator(".shelf li").count()
    page.get_by_role("button", name="Remove from the library").locator("visible=true").click()
    expect(page.locator(".shelf li")).to_have_count(before - 1)


def test_the_map_tells_titles_and_abstracts(page: Page) -> None:
    ask(page, HESSIAN)
    tab(page, "Map")
    page.locator("svg.map .cited").first.hover()
    expect(page.locator(".tip")).to_have_text(page.locator("svg.map .cited").first.get_attribute("data-title") or "?")
    page.locator("svg.map .cited").first.press("Enter")
    expect(page.locator("#point .abstract")).to_be_in_viewport(ratio=0.9)
    title = page.locator("svg.map circle[data-title]").first.get_attribute("data-title")
    page.locator("svg.map circle[data-title]").first.dispatch_event("pointerover")
    expect(page.locator(".tip")).to_have_text(title or "?")


def test_the_page_is_dark_on_demand_and_stays_so(page: Page) -> None:
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    radio = page.get_by_label("Language model")
    page.get_by_role("button", name="Dark or light").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    expect(radio).to_have_css("border-color", "rgb(164, 171, 186)")
    page.reload()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))


def test_nothing_is_cut_off_or_lies_over_what_is_beside_it(page: Page) -> None:
    ask(page, HESSIAN)
    expect(page.locator("#question")).to_have_css("overflow", "visible")
    assert int(page.locator(".effort ul").evaluate("list => parseInt(getComputedStyle(list).paddingLeft)")) >= 16
    tab(page, "Library")
    page.locator("#report").evaluate("""report => report.insertAdjacentHTML("beforeend", '<p role="progressbar">')""")
    assert page.locator("#report").evaluate("report => report.offsetHeight") >= 72


def test_the_keyboard_alone_asks_and_opens_a_card(page: Page) -> None:
    expect(page.locator(".welcome")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type(HESSIAN)
    page.keyboard.press("Enter")
    page.locator(".turn[data-turn] .cite").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".card").first).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_assistive_technology(browser: Browser, address: str, scheme: str) -> None:
    with visited(browser, address, color_scheme=scheme) as page:
        expect(page.locator(".welcome")).to_be_visible()
        page.get_by_role("button", name="Filter").click()
        faults = [serious(page, "welcome")]
        ask(page, HESSIAN)
        page.locator(".menu summary").click()
        faults.append(serious(page, "answer"))
        tab(page, "Map")
        expect(page.locator("svg.map")).to_be_visible()
        faults.append(serious(page, "map"))
        tab(page, "Table")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".compared")).to_be_visible()
        faults.append(serious(page, "table"))
        tab(page, "Library")
        expect(page.locator(".shelf")).to_be_visible()
        faults.append(serious(page, "library"))
    assert not [fault for view in faults for fault in view]


def serious(page: Page, view: str) -> list[str]:
    page.wait_for_timeout(400)
    found = Axe().run(page).response["violations"]
    return [
        f"{view}: {fault['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_a_phone_shows_all_of_it_in_its_width(browser: Browser, address: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
    with visited(browser, address, **phone) as page:
        ask(page, HESSIAN)
        page.locator(".cite").first.tap()
        expect(page.locator(".card mark").first).to_be_in_viewport()
        for name in ("Map", "Table", "Library", "Ask"):
            tab(page, name)
            assert beyond(page, 360) == []


def test_a_phone_shows_that_a_filter_is_on(browser: Browser, address: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
    with visited(browser, address, **phone) as page:
        narrow = page.get_by_role("button", name="Filter")
        expect(page.locator(".welcome")).to_be_visible()
        expect(narrow).to_be_hidden()
        page.get_by_label("Question").tap()
        narrow.tap()
        page.get_by_label("From year").fill("2023")
        narrow.tap()
        page.locator("h1").tap()
        expect(page.get_by_label("Papers shown")).to_be_hidden()
        expect(narrow).to_be_visible()


def beyond(page: Page, width: int) -> list[str]:
    """What is cut off at the right."""
    found: list[str] = page.evaluate(
        "width => [...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && !e.closest('#side, svg'))"
        ".filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 150))",
        width,
    )
    return found


def test_a_proxy_names_who_asks(browser: Browser, path: Path) -> None:
    with served(path, WHICHPAPERS_USER_HEADER="X-User") as address:
        assert httpx.get(address + "config", timeout=60).status_code == 401
        with visited(browser, address, extra_http_headers={"X-User": "ann"}) as page:
            ask(page, HESSIAN)
            save_as(page, "CSV", path)
        with visited(browser, address, extra_http_headers={"X-User": "bob"}) as page:
            expect(page.locator(".welcome")).to_be_visible()
            expect(page.locator(".conversations li")).to_have_count(0)


def test_an_empty_library_is_filled_with_the_sample_by_one_click(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path / "library") as address, visited(browser, address) as page:
        expect(page.locator(".welcome")).to_contain_text("This library is empty")
        page.get_by_role("button", name="Read the sample").click()
        expect(page.locator(".welcome h1")).to_contain_text("593 papers", timeout=120_000)
        ask(page, "which papers use Hessian approximations for quantization")
        expect(page.locator(".card").first).to_be_visible()
