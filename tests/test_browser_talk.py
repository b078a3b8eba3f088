"""Conversations in a real browser: questions that follow, are edited or asked again, and a model that writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import test_browser
from tests.browser import ask, by, served
from tests.llm_server import Act, LLMServer, Received, fails, paced, says
from tests.test_browser import HESSIAN, tab, visited
from tests.test_by_llm import QUESTION
from tests.test_llm_answers import healthy

pytestmark = pytest.mark.slow

browser, address, page = test_browser.browser, test_browser.address, test_browser.page


def test_a_conversation_with_a_follow_up_is_there_after_a_reload(page: Page) -> None:
    ask(page, HESSIAN)
    ask(page, "and which of them give sensitive layers more bits?")
    expect(page.locator(".turn")).to_have_count(2)
    assert re.search(r"\?c=\d+$", page.url)
    page.reload()
    expect(page.locator(".turn h2").first).to_have_text(HESSIAN)
    expect(page.locator(".turn")).to_have_count(2)
    at_the_top(page, ".turn[data-last]")
    expect(page.get_by_label("Question")).to_be_focused()
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    page.locator(".conversations [data-open]").first.click()
    expect(page.locator(".turn")).to_have_count(2)


def at_the_top(page: Page, of: str) -> None:
    page.wait_for_function("of => Math.abs(document.querySelector(of)?.getBoundingClientRect().top) < 60", arg=of)


def test_a_question_is_edited_and_asked_again(page: Page) -> None:
    ask(page, HESSIAN)
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator('.turn[data-turn]:not([data-turn="1"])')).to_have_count(1)
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Question")).to_have_value(HESSIAN)
    expect(page.get_by_label("Question")).to_be_focused()
    expect(page.locator(".editing")).to_be_in_viewport()
    page.get_by_role("button", name="Leave it as it is").click()
    expect(page.get_by_label("Question")).to_have_value("")
    expect(page.locator(".turn")).to_have_count(1)
    page.get_by_role("button", name="Edit").click()
    expect(page.locator(".editing")).to_be_visible()
    page.get_by_label("Question").fill("which papers are about diffusion models?")
    page.get_by_label("Question").press("Enter")
    expect(page.locator(".turn[data-turn] h2")).to_have_text("which papers are about diffusion models?")
    expect(page.locator(".editing")).to_have_count(0)
    expect(page.locator(".card")).to_have_count(1)


def test_what_followed_a_question_goes_only_if_its_reader_says_so(page: Page) -> None:
    ask(page, HESSIAN)
    ask(page, "and which of them give sensitive layers more bits?")
    page.evaluate("window.confirm = () => false")
    page.get_by_role("button", name="Ask again").first.click()
    page.get_by_role("button", name="Edit").first.click()
    page.wait_for_timeout(500)
    expect(page.locator(".editing, .live")).to_have_count(0)
    page.evaluate("window.confirm = () => true")
    page.get_by_role("button", name="Edit").first.click()
    expect(page.get_by_label("Question")).to_have_value(HESSIAN)
    page.reload()
    expect(page.locator(".turn")).to_have_count(2)
    page.evaluate("window.confirm = () => true")
    page.get_by_role("button", name="Ask again").first.click()
    expect(page.locator(".turn[data-turn]")).to_have_count(1)


def test_an_edited_question_keeps_its_filter(page: Page) -> None:
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("From year").fill("2023")
    ask(page, "which papers quantize weights?")
    page.reload()
    page.get_by_role("button", name="Edit").click()
    expect(page.locator("#also textarea, #also input")).to_have_value("year >= 2023")
    expect(page.locator("#price")).to_contain_text("the 1 paper that the filter leaves")


def test_a_conversation_is_shown_wherever_it_is_chosen(page: Page) -> None:
    ask(page, HESSIAN)
    tab(page, "Table")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".compared")).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    tab(page, "Table")
    expect(page.locator(".compared")).to_have_count(0)
    page.locator(".conversations [data-open]").first.click()
    expect(page.locator(".turn h2")).to_be_visible()


def test_a_conversation_is_removed(page: Page) -> None:
    ask(page, "which papers are about diffusion models?")
    before = page.locator(".conversations li").count()

    page.evaluate("window.confirm = () => true")
    page.locator(".conversations .current .remove").click()
    expect(page.locator(".conversations li")).to_have_count(before - 1)
    expect(page.locator(".welcome")).to_be_visible()


def test_a_follow_up_is_seen_at_work_and_nothing_else_is_shown_meanwhile(browser: Browser, path: Path) -> None:
    with (
        LLMServer(paced(scribe, 0.1)) as server,
        served(path, **by(server)) as address,
        visited(browser, address) as page,
    ):
        page.get_by_label("Quotes only").check()
        ask(page, HESSIAN)
        page.get_by_label("Automatic").check()
        page.get_by_label("Question").fill("and which of them prune?")
        page.get_by_label("Question").press("Enter")
        at_the_top(page, ".live")
        page.get_by_role("button", name="New conversation").click()
        expect(page.get_by_text("An answer is being made")).to_be_visible()
        expect(page.locator(".turn.live")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".ended")).to_be_visible()


def test_a_model_writes_while_its_reader_watches_writes_on_and_stops_it(browser: Browser, path: Path) -> None:
    with (
        LLMServer(paced(scribe, 0.1)) as server,
        served(path, **by(server)) as address,
        visited(browser, address) as page,
    ):
        expect(page.locator(".status")).to_contain_text("model scripted")
        expect(page.locator("#price")).to_contain_text("at most about")
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        box = page.get_by_label("Question")
        box.fill(QUESTION)
        box.press("Enter")
        expect(page.locator(".live .prose")).to_contain_text("The Hessian of the layer")
        expect(box).to_have_value("")
        box.fill("the next question")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".ended")).to_contain_text("You stopped this answer")
        expect(page.locator(".turn.live")).to_have_count(0)
        expect(box).to_have_value("the next question")
        page.get_by_role("button", name="Ask again").click()
        expect(page.locator(".effort summary")).to_contain_text("written by scripted")
        expect(page.locator(".coverage")).to_contain_text("2 show what you asked for")
        expect(page.locator(".card")).to_have_count(2)
        asked = len(server.received)
        tab(page, "Table")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".compared tbody tr")).to_have_count(2)
        assert asked < len(server.received) <= asked + 3  # the table's own calls: nothing is judged again


def scribe(received: Received) -> Act:
    return says('{"cells": []}') if "The reader wants a table" in received.text else healthy(received)


def test_a_model_that_fails_leaves_an_answer_that_says_so(browser: Browser, path: Path) -> None:
    with (
        LLMServer(lambda _: fails(401, "no such key")) as server,
        served(path, **by(server)) as address,
        visited(browser, address) as page,
    ):
        ask(page, HESSIAN)
        expect(page.locator(".answer blockquote").first).to_contain_text("model")
        expect(page.locator(".effort summary")).to_contain_text("no language model")
        page.get_by_label("Language model").check()
        ask(page, HESSIAN)
        expect(page.locator(".ended")).to_be_visible()
