"""Requests that nobody who reads papers sends, to the chat and to the HTTP server: what each of them gets."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser import served
from tests.conftest import SIX
from tests.serving import serving, six
from tests.test_show_load import event

pytestmark = pytest.mark.slow

PASSWORD, KEY = "canary-right-password", "canary-key-of-the-server"
JSON, ORIGIN = {"Content-Type": "application/json"}, {"Origin": "https://evil.example"}
ELSEWHERE = ORIGIN | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
JOIN, ASK = "/gradio_api/queue/join", b'{"question": "which papers use the Hessian?"}'
SECRETS = (PASSWORD, KEY, "Traceback", "sqlite", "BEGIN", "root:", *(record["abstract"][:40] for record in SIX))
"""Of what nobody may be told by a refusal."""


def upload(name: str, size: int) -> bytes:
    """A form with one file."""
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + b"x" * size + b"\r\n--b--\r\n"


@dataclass(frozen=True)
class Probe:
    """A request, and the refusals that are fit for it."""

    asks: str
    """Method and path; in a path LIBRARY stands for its folder."""
    expected: tuple[int, ...]
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    what: str = ""
    """What is wrong with it, where the path does not say."""

    @property
    def told(self) -> str:
        return f"`{self.asks[:60]}`" + (f" {self.what}" if self.what else "")


OPEN = (
    Probe("GET /gradio_api/file=/etc/passwd", (403,)),
    Probe("GET /gradio_api/file=LIBRARY/library.db", (403,)),
    Probe("GET /gradio_api/file=LIBRARY/notes.db", (403,)),
    Probe("GET /gradio_api/file=../../../etc/passwd", (403, 404)),
    Probe("GET /gradio_api/file=..%2f..%2f..%2fetc%2fpasswd", (403, 404)),
    Probe("GET /gradio_api/file=app.py", (403, 404)),
    Probe("GET /gradio_api/file=.env", (403, 404)),
    Probe("GET /gradio_api/file=http://127.0.0.1:9/", (403,)),
    Probe("GET /gradio_api/file=http://169.254.169.254/latest/meta-data/", (403,)),
    Probe("GET /gradio_api/proxy=http://127.0.0.1:9/x", (400, 403)),
    Probe("GET /proxy=http://169.254.169.254/", (400, 403, 404)),
    Probe("GET /static/../../app.py", (403, 404)),
    Probe("GET /static/%2e%2e/%2e%2e/app.py", (403, 404)),
    Probe("GET /assets/..%2f..%2fapp.py", (403, 404)),
    Probe("GET /custom_component/../../app.py", (403, 404)),
    Probe("GET //etc/passwd", (403, 404)),
    Probe("GET /library.db", (404,)),
    Probe("GET /docs", (404,)),
    Probe("GET /", (421,), headers={"Host": "evil.example"}, what="by a name that leads here from elsewhere"),
    Probe("GET /", (421,), headers={"Host": "127.0.0.1.evil.example"}, what="by such a name"),
    Probe(f"POST {JOIN}", (421,), b"{}", {"Host": "10.0.0.1"} | JSON, "by an address of another network"),
    Probe(f"POST {JOIN}", (403,), b"{}", ELSEWHERE, "by a page elsewhere"),
    Probe("POST /gradio_api/upload", (403,), upload("x.txt", 9), FORM | ELSEWHERE, "by a page elsewhere"),
    Probe("POST /gradio_api/upload", (413,), upload("x.txt", 33_600_000), FORM, "of 33 MB"),
    Probe(f"POST {JOIN}", (413,), b"x" * 300_000, JSON, "of 300 kB"),
    Probe(f"POST {JOIN}", (422,), b"[]", JSON, "that is a list"),
    Probe(f"POST {JOIN}", (422,), b"{", JSON, "that is no JSON"),
    Probe(f"POST {JOIN}", (422,), b"{}", {"Content-Type": "text/plain"}, "as a form of another site sends it"),
    Probe("POST /gradio_api/run/ask", (404,), b'{"data": ["x"]}', JSON),
    Probe("POST /gradio_api/component_server", (404,),
          b'{"component_id": 1, "fn_name": "__init__", "session_hash": "x", "data": {}}', JSON, "to `__init__`"),
    Probe("PUT /config", (405,), b"{}", JSON),
    Probe("DELETE /", (405,)),
    Probe("TRACE /", (405,)),
)  # fmt: skip
LOCKED = (
    Probe("GET /config", (401,)),
    Probe("GET /gradio_api/info", (401,)),
    Probe("GET /gradio_api/openapi.json", (401,)),
    Probe("GET /gradio_api/file=LIBRARY/library.db", (401,)),
    Probe("GET /gradio_api/queue/data?session_hash=x", (401,)),
    Probe("GET /monitoring", (401,)),
    Probe(f"POST {JOIN}", (401,), b'{"fn_index": 4, "data": [], "session_hash": "x"}', JSON),
    Probe("POST /gradio_api/upload", (401,), upload("x.txt", 9), FORM),
    Probe("POST /gradio_api/call/ask", (401,), b'{"data": ["x"]}', JSON),
    Probe("POST /gradio_api/component_server", (401,), b"{}", JSON),
    Probe("POST /login", (400,), b"username=reader&password=wrong",
          {"Content-Type": "application/x-www-form-urlencoded"}, "with a wrong password"),
)  # fmt: skip
API = (
    Probe("GET /nowhere", (404,)),
    Probe("GET /../../../etc/passwd", (404,)),
    Probe("GET /papers/..%2f..%2flibrary.db", (404,)),
    Probe("GET /papers/%00", (404, 422)),
    Probe("GET /docs", (404,)),
    Probe("GET /ask", (405,)),
    Probe("POST /ask", (400,), b"{", JSON, "that is no JSON"),
    Probe("POST /ask", (422,), b"[]", JSON, "that is a list"),
    Probe("POST /ask", (422,), b'{"question": ""}', JSON, "of nothing"),
    Probe("POST /ask", (422,), b'{"question": {"a": 1}}', JSON, "of an object"),
    Probe("POST /ask", (422,), json.dumps({"question": "x " * 50_000}).encode(), JSON, "of 100,000 characters"),
    Probe("POST /ask", (422,), b'{"question": "x", "depth": "abyssal"}', JSON, "at no depth"),
    Probe("POST /ask", (422,), b'{"question": "x", "where": "1; DROP TABLE papers"}', JSON, "with SQL for a filter"),
    Probe("POST /search", (422,), b'{"query": "x", "k": -3}', JSON, "for -3 papers"),
    Probe("POST /ask", (413,), b" " * 1_200_000, JSON, "of 1.2 MB"),
    Probe("POST /ask", (422, 415), ASK, {"Content-Type": "text/plain"} | ORIGIN, "as a form of another site sends it"),
    Probe("OPTIONS /ask", (405,), headers=ORIGIN | {"Access-Control-Request-Method": "POST"}),
    Probe("POST /ask", (421,), ASK, {"Host": "evil.example"} | JSON, "by a name that leads here from elsewhere"),
    Probe("POST /verify", (422,), b'{"schema": 99}', JSON, "of no answer"),
    Probe("POST /v1/chat/completions", (404,), b'{"model": "gpt", "messages": [{"role": "user", "content": "x"}]}',
          JSON, "for a model that is not there"),
)  # fmt: skip
KEYED = (
    Probe("GET /", (401,)),
    Probe("GET /health", (401,)),
    Probe("POST /ask", (401,), ASK, JSON),
    Probe("POST /ask", (401,), ASK, JSON | {"Authorization": f"Bearer {KEY[:-1]}"}, "with most of the key"),
    Probe("GET /v1/models", (401,), headers={"Authorization": f"Basic {KEY}"}),
)  # fmt: skip
SERVERS = {"chat": OPEN, "chat, with a password": LOCKED, "HTTP server": API, "HTTP server, with a key": KEYED}


@pytest.fixture(scope="module")
def library(six_papers: Path) -> Path:
    return six_papers / "library"


@pytest.fixture(scope="module")
def addresses(six_papers: Path, library: Path) -> Iterator[dict[str, str]]:
    """Where each of the servers is."""
    with ExitStack() as stack:
        assistant = stack.enter_context(six(six_papers))
        yield {
            "chat": stack.enter_context(served(library)),
            "chat, with a password": stack.enter_context(served(library, WHICHPAPERS_PASSWORD=PASSWORD)),
            "HTTP server": stack.enter_context(serving(assistant)),
            "HTTP server, with a key": stack.enter_context(serving(assistant, KEY)),
        }


def send(address: str, probe: Probe, library: Path) -> tuple[int, http.client.HTTPMessage, str]:
    """Status, headers and text of the response. Sends the path as it is written, which other clients tidy up first."""
    method, _, path = probe.asks.partition(" ")
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)) as connection:
        connection.request(method, path.replace("LIBRARY", str(library)), probe.body or None, dict(probe.headers))
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode(errors="replace")


def outcome(address: str, question: object, session: str) -> str:
    """What came of a question, in a few words; and nothing in it that nobody is to be told."""
    with httpx.Client(base_url=address, timeout=60) as client:
        asked = json.dumps(event(client.get("/config").json(), session, question=question))
        sent = client.post(JOIN, content=asked.encode(), headers=JSON)
        if sent.status_code != 200:
            return str(sent.status_code)
        messages = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
    ended = next(
        json.loads(line.removeprefix("data:")) for line in messages.splitlines() if "process_completed" in line
    )
    assert not any(secret in json.dumps(ended) for secret in SECRETS[:5])
    if not ended["success"]:
        return f"error: {ended['output']['error']}"
    shown = str(ended["output"]["data"][1])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown.partition('class="failed"')[2]))[:90] or "an answer"


def test_there_are_as_many_probes_as_promised() -> None:
    assert sum(map(len, SERVERS.values())) >= 60


@pytest.mark.parametrize("server", SERVERS)
def test_each_probe_is_refused_and_told_nothing(
    server: str, addresses: dict[str, str], library: Path, record_property: Callable[[str, object], None]
) -> None:
    wrong = []
    for probe in SERVERS[server]:
        status, headers, text = send(addresses[server], probe, library)
        expected = " or ".join(map(str, probe.expected))
        record_property("row", f"{server} | {probe.told} | {expected} | {status}")
        told = [secret for secret in SECRETS if secret in text]
        guarded = headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
        if status not in probe.expected or told or not guarded or len(text) > 2_000:
            wrong.append((probe.told, status, told, text[:200]))
    assert wrong == []
    record_property("cases", len(SERVERS[server]))


HOSTILE: dict[str, Any] = {
    "an object": {"a": 1},
    "a list": ["x"],
    "a number": 10**400,
    "nothing": None,
    "100,000 characters": "x " * 50_000,
    "half a character": "\ud800 papers",
}
"""Questions that the page itself cannot send."""


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_question_of_a_wrong_kind_ends_in_one_line(
    kind: str, addresses: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    seen = outcome(addresses["chat"], HOSTILE[kind], kind)
    print(kind, seen)
    assert seen != "error: None"
    record_property("row", f"chat | a question that is {kind} | an answer, or one line | {seen}")
    record_property("cases", 1)


@pytest.mark.parametrize("name", ["chat, with a password"])
def test_whoever_tries_sixty_passwords_is_locked_out(
    name: str, addresses: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    with httpx.Client(base_url=addresses[name], timeout=30) as client:
        for n in range(60):
            assert client.post("/login", data={"username": "reader", "password": f"wrong {n}"}).status_code == 400
        right = client.post("/login", data={"username": "reader", "password": PASSWORD})
    assert right.status_code == 400  # for a minute
    record_property("row", f"{name} | 60 wrong passwords, then the right one | 400 for a minute | {right.status_code}")
    record_property("cases", 61)
