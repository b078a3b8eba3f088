"""Request -> value of a form: whatever a model writes, the caller gets a valid value or ChatFailed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from assistant.llm.forms import schema
from assistant.llm.json_text import MAX_CHARS, MAX_DEPTH, NotJson, canonical
from assistant.llm.records import ChatFailed, Message, Reply, Request
from assistant.llm.structured import read, structured


class Paper(BaseModel):
    """One paper of a reply."""

    key: int
    role: Literal["proposes", "uses"] | None = None
    title: Annotated[str, Field(max_length=200)] = ""
    sentences: tuple[int, ...] = ()


class Papers(BaseModel):
    """A reply that is a list."""

    papers: tuple[Paper, ...]


class Plan(BaseModel):
    """A reply that is not."""

    kind: Literal["list", "fact"]
    words: tuple[str, ...]


class Says:
    """A model that gives these replies in turn, and keeps the requests."""

    model = "says"

    def __init__(self, *replies: Reply | str | ChatFailed) -> None:
        self._replies, self.requests = list(replies), list[Request]()

    def stream(self, request: Request) -> Iterator[str | Reply]:
        self.requests.append(request)
        reply = self._replies.pop(0)
        if isinstance(reply, ChatFailed):
            raise reply
        yield said(reply) if isinstance(reply, str) else reply


def said(text: str, *, complete: bool = True) -> Reply:
    return Reply(text, "says", 1, 1, complete)


REQUEST = Request("judge", (Message("user", "Which?"),), 100)
GOOD = '{"papers":[{"key":1,"role":"uses","title":"A","sentences":[1,2]}]}'
VALUE = Papers(papers=(Paper(key=1, role="uses", title="A", sentences=(1, 2)),))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Here you are [1]: {GOOD} I hope {{that}} helps.",
        f"\ufeff{GOOD}",
        f"{{not JSON}} {GOOD}",
        f"}}{GOOD}]",
        GOOD.replace("]}", "],}").replace("2]", "2,]"),
        f'{{"reply": {GOOD}}}',
        json.loads(GOOD)["papers"].__str__().replace("'", '"'),
        f'{{"papers": [{{"key": "x"}}]}} I mean: {GOOD}',
        f'{GOOD} as in {{"example": 1}}',
        GOOD.replace('"key":1', '"key":1,"explanation":"because, well, [it] does"'),
        json.dumps(json.loads(GOOD), indent=2),
    ],
)
def test_what_models_write_for_json_is_read(text: str) -> None:
    assert read(said(text), Papers) == (VALUE, False)


def test_of_several_values_the_last_counts_but_first_of_all_one_to_the_letter() -> None:
    other = '{"papers":[]}'
    assert read(said(f"{other} No: {GOOD}"), Papers) == (VALUE, False)
    assert read(said(f"{GOOD} No: {other}"), Papers) == (Papers(papers=()), False)
    assert read(said(GOOD + ' where {"papers": [], "of": "an example"}'), Papers) == (VALUE, False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I would rather not.", "holds no JSON object"),
        ("", "holds no JSON object"),
        ('{"papers": [', "holds no JSON object"),
        ('{"papers": [{"key": NaN}]}', "NaN is not a JSON value"),
        ('{"papers": [{"key": 1e999}]}', "out of range"),
        ('{"papers": [], "papers": [{"key": 1}]}', "a key stands twice"),
        (f'{{"papers": [{{"key": {"9" * 5000}}}]}}', "cannot be read"),
        ('{"papers": [{"key": "one"}]}', "papers.0.key: Input should be a valid integer"),
        ('{"papers": {"key": 1}}', "papers: Input should be a valid tuple"),
        ('{"papers": [{"key": 1, "role": "mentions"}]}', "papers.0.role: Input should be 'proposes' or 'uses'"),
        ("{}", "no JSON object of the form"),
        (json.dumps(schema(Papers)), "no JSON object of the form"),
        ("[" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} deep"),
        ("[" * 500_000, f"more than {MAX_DEPTH} deep"),
        ("{ " * 20, "holds no JSON object"),
        (" " * (MAX_CHARS + 1), "longer than"),
        ('{"papers": [}]', "holds no JSON object"),
        ('{"papers": ["unended]}', "holds no JSON object"),
        ('{"papers":[{"key":1,"sentences":[]', "holds no JSON object"),
        ('{"papers":[{"key":1,"sentences":[]}]', "holds no JSON object"),
    ],
)
def test_what_is_not_of_the_form_is_refused_with_a_reason_for_the_model(text: str, why: str) -> None:
    with pytest.raises(NotJson, match=why):
        read(said(text), Papers)


def test_a_reply_that_is_no_json_is_sent_back_once() -> None:
    chat = Says("It is paper one. " * 1_000, GOOD)
    found = structured(chat, REQUEST, Papers)
    assert (found.value, found.salvaged, len(found.replies)) == (VALUE, False, 2)
    first, second = chat.requests
    assert first.form == second.form == schema(Papers)
    assert second.messages[:-2] == first.messages == REQUEST.messages
    shown, told = second.messages[-2:]
    assert (shown.role, told.role) == ("assistant", "user")
    assert len(shown.content) < 6_100
    assert "it holds no JSON object" in told.content


def test_two_replies_that_are_none_fail() -> None:
    with pytest.raises(ChatFailed) as caught:
        structured(Says("no", "no"), REQUEST, Papers)
    assert caught.value.kind == "nonsense"
    assert caught.value.replies == (said("no"), said("no"))


def test_a_failure_passes_through_with_the_replies_before_it() -> None:
    with pytest.raises(ChatFailed) as caught:
        structured(Says("no", ChatFailed("timeout", "late")), REQUEST, Papers)
    assert (caught.value.kind, caught.value.replies) == ("timeout", (said("no"),))


def test_of_a_list_cut_off_the_whole_items_are_kept() -> None:
    two = GOOD.replace("]}]}", ']},{"key":2,"sentences":[3,4')
    found = structured(Says(said(two, complete=False)), REQUEST, Papers)
    assert (found.value, found.salvaged) == (VALUE, True)
    strings = '{"kind":"list","words":["one, two","three]","fou'
    assert read(said(strings, complete=False), Plan) == (Plan(kind="list", words=("one, two", "three]")), True)


def test_a_reply_cut_off_before_anything_is_whole_is_asked_for_again_with_more_room() -> None:
    chat = Says(said('{"papers":[{"key":1,"ti', complete=False), GOOD)
    assert structured(chat, REQUEST, Papers).value == VALUE
    assert chat.requests[1].max_tokens == 2 * REQUEST.max_tokens
    assert chat.requests[1].messages == REQUEST.messages
    with pytest.raises(ChatFailed, match="did not fit into 200 tokens") as caught:
        structured(Says(said("", complete=False), said("{", complete=False)), REQUEST, Papers)
    assert caught.value.kind == "cut_off"


def test_a_reply_cut_off_right_after_its_end_is_whole() -> None:
    assert read(said(GOOD, complete=False), Papers) == (VALUE, False)


def test_the_schema_is_one_that_servers_enforce() -> None:
    made = schema(Papers)
    assert made["required"] == ["papers"]
    paper = made["$defs"]["Paper"]
    assert paper["required"] == ["key", "role", "title", "sentences"]
    assert paper["properties"]["title"] == {"type": "string"}  # a property's name is no word of JSON Schema
    assert made["additionalProperties"] is paper["additionalProperties"] is False
    assert "default" not in canonical(made)
    assert "maxLength" not in canonical(made)


PAPERS = st.builds(
    Paper,
    key=st.integers(-(10**9), 10**9),
    role=st.sampled_from(["proposes", "uses", None]),
    title=st.text(max_size=30),
    sentences=st.lists(st.integers(0, 50), max_size=4).map(tuple),
)
LISTS = st.builds(Papers, papers=st.lists(PAPERS, max_size=5).map(tuple))
PROSE = st.text(st.characters(exclude_characters='{}[]"'), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["papers", "key", "x"]), inner),
    max_leaves=12,
)
CRUMBS = st.lists(
    st.sampled_from(['{"papers":', "[", "]", "{", "}", '"key":', "1", ",", '"', "\\", "```", "NaN", " ", "\n", "é"])
).map("".join)


@given(LISTS, PROSE, PROSE)
def test_a_value_survives_what_models_put_around_it(value: Papers, before: str, after: str) -> None:
    assert read(said(f"{before}{value.model_dump_json()}{after}"), Papers) == (value, False)


@given(LISTS, st.integers(0, 10_000))
def test_what_is_salvaged_is_the_beginning_of_the_list(value: Papers, cut: int) -> None:
    text = value.model_dump_json()
    try:
        found, salvaged = read(said(text[: cut % len(text)], complete=False), Papers)
    except NotJson:
        return
    assert salvaged
    assert found.papers == value.papers[: len(found.papers)]


@given(st.text() | CRUMBS | JSON.map(json.dumps), st.text() | CRUMBS | JSON.map(json.dumps), st.booleans())
def test_never_anything_but_a_valid_value_or_a_failure(first: str, second: str, complete: bool) -> None:
    for form in (Papers, Plan):
        try:
            found: Any = structured(Says(said(first, complete=complete), said(second)), REQUEST, form).value
        except ChatFailed as failure:
            assert failure.kind in ("nonsense", "cut_off")
        else:
            assert form.model_validate(found.model_dump()) == found
