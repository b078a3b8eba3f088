"""A Chroma server that asks who we are, fails, or is none: one line, and no token in it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromadb.api.fastapi import FastAPI

from ingest import Library, Settings
from ingest.errors import BadSetting, VectorsUnavailable
from ingest.settings import read_settings
from tests.chroma_libraries import assert_found, filled, on, unused
from tests.chroma_process import ChromaProcess, Gate, certificate
from tests.fakes import WordEncoder
from tests.processes import with_fake_encoder

TOKEN = "ck-canary-51c09e"  # noqa: S105 (a test's)


# --- the gate ------------------------------------------------------------------------------------------------------


def test_the_token_opens_the_gate_and_is_kept_nowhere(
    chroma: ChromaProcess, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHICHPAPERS_CHROMA_HEADERS", f"X-Chroma-Token: {TOKEN}\nX-Team: owls")
    with Gate(chroma.url, TOKEN) as gate:
        monkeypatch.setenv("WHICHPAPERS_CHROMA", gate.url)
        kept = read_settings({"library": settings.library, "encoder": "words-64", "offline": True})
        filled(kept)
        assert_found(kept)
        assert gate.calls > 10
    with pytest.raises(VectorsUnavailable) as caught:
        Library.open(kept.library, kept, WordEncoder())
    told = [repr(kept), str(kept), str(caught.value), kept.model_dump_json(), *capsys.readouterr()]
    assert not any(TOKEN in text for text in told)
    assert not any(TOKEN.encode() in file.read_bytes() for file in kept.library.rglob("*") if file.is_file())


TO_LOG_IN = r"refuses us \(40[13] \w+\); set WHICHPAPERS_CHROMA_HEADERS"


@pytest.mark.parametrize(
    ("refusal", "why"),
    [((401, "<h1>No entry for {}</h1>"), TO_LOG_IN),
     ((403, '{"error": "AuthError", "message": "no entry for {}"}'), TO_LOG_IN),
     ((400, '{"error": "InvalidArgumentError", "message": "no entry\\nfor {}"}'), r"fails: no entry for \.\.\.;"),
     ((302, "[]"), r"answers as no Chroma server does \(302 Found\); correct WHICHPAPERS_CHROMA;"),
     ((200, "Welcome {}"), r"answers as no Chroma server does \(200 OK\)")],
)  # fmt: skip
def test_a_server_that_refuses_us_is_told_in_one_line_without_the_token(
    chroma: ChromaProcess, settings: Settings, refusal: tuple[int, str], why: str
) -> None:
    kept = read_settings(
        {"library": settings.library, "chroma_headers": "Authorization: x\nX-Chroma-Token: ck-no-8a71"}
    )
    with Gate(chroma.url, TOKEN, refusal=refusal) as gate, pytest.raises(VectorsUnavailable, match=why) as caught:
        Library.open_to_write(kept.library, on(gate, kept), WordEncoder())
    assert "8a71" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_server_is_reached_by_tls_where_its_certificate_is_trusted(
    chroma: ChromaProcess, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with Gate(chroma.url, tls=tls) as gate:
        assert gate.url.startswith("https://")
        with pytest.raises(VectorsUnavailable, match="certificate verify failed"):
            filled(on(gate, settings), 3)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert_found(filled(on(gate, settings), 3))


# --- servers that fail ---------------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_is_slow_is_told_in_one_line(settings: Settings, silent: str) -> None:
    with pytest.raises(VectorsUnavailable, match=r"gave no answer in 0\.2 s \(WHICHPAPERS_CHROMA_TIMEOUT_S\)"):
        Library.open_to_write(settings.library, on(silent, settings, chroma_timeout_s=0.2), WordEncoder())


def test_what_is_no_chroma_server_is_told_in_one_line(settings: Settings, chroma: ChromaProcess) -> None:
    with pytest.raises(VectorsUnavailable, match=r"answers as no Chroma server does \(404 Not Found\)"):
        Library.open_to_write(settings.library, on(f"{chroma.url}/elsewhere", settings), WordEncoder())
    with pytest.raises(VectorsUnavailable, match="fails: "):
        Library.open_to_write(settings.library, on(chroma, settings, chroma_tenant="nobody"), WordEncoder())


def test_the_command_line_ends_with_1_and_one_line_where_the_server_is_down(path: Path, chroma: ChromaProcess) -> None:
    told = {"WHICHPAPERS_ENCODER": "words-64", "WHICHPAPERS_CHROMA": unused()}
    ended = with_fake_encoder("ask", "which papers use the Hessian?", "--library", path, **told)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"whichpapers: the Chroma server at {told['WHICHPAPERS_CHROMA']} cannot be reached")
    assert ended.err.count("\n") == 1
    told["WHICHPAPERS_CHROMA"] = chroma.url
    ended = with_fake_encoder("doctor", "--library", path, **told)
    assert ended.code == 0, ended.err
    assert f"the Chroma server at {chroma.url}" in ended.out


FUNCTION = {"type": "known", "name": "sentence_transformer", "config": {"model_name": "evil/model"}}


@pytest.mark.parametrize(
    ("told", "why"),
    [({"embedding_function": FUNCTION}, "an embedding function, which we do not load"),
     ({"hnsw": {"space": "l2"}}, "does not compare vectors of collection .* by cosine")],
)  # fmt: skip
def test_a_collection_that_is_not_as_we_make_them_is_not_used(
    chroma: ChromaProcess, settings: Settings, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], why: str
) -> None:
    kept = filled(on(chroma, settings), 3)
    get = FastAPI.get_collection

    def changed(*given: Any, **named: Any) -> Any:
        model = get(*given, **named)
        model.configuration_json.update(told)
        return model

    monkeypatch.setattr(FastAPI, "get_collection", changed)
    with pytest.raises(VectorsUnavailable, match=why):
        Library.open(kept.library, kept, WordEncoder())


# --- settings ------------------------------------------------------------------------------------------------------


def test_offline_no_server_elsewhere_is_called(settings: Settings, path: Path) -> None:
    kept = on("http://chroma.invalid:8000", settings)
    for opening in (Library.open, Library.open_to_write):
        with pytest.raises(BadSetting, match=r"WHICHPAPERS_CHROMA.*WHICHPAPERS_OFFLINE forbids") as caught:
            opening(path, kept, WordEncoder())
        assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "given",
    ["localhost:8000", "ftp://host", "http://", "http://host:port", "http://user:secret@host", "http://host?key=1",
     "http://ho st:8000", "http://host:0"],
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_an_error(given: str) -> None:
    with pytest.raises(BadSetting, match=r"^setting chroma \(WHICHPAPERS_CHROMA\) is "):
        read_settings({"chroma": given})


@pytest.mark.parametrize("given", [" https://host:8000/ ", "https://host:8000/api/v2", "https://host:8000"])
def test_an_address_is_told_without_what_the_client_adds(given: str) -> None:
    assert read_settings({"chroma": given}).chroma == "https://host:8000"


@pytest.mark.parametrize("given", [TOKEN, f"Token {TOKEN}", f"X: {TOKEN}\n{TOKEN}", f"X: {TOKEN}\x00", f"X: é{TOKEN}"])
def test_headers_that_cannot_be_sent_are_an_error_that_does_not_show_them(given: str) -> None:
    with pytest.raises(
        BadSetting, match=r"WHICHPAPERS_CHROMA_HEADERS\) is 'not shown': .*X-Chroma-Token: TOKEN"
    ) as caught:
        read_settings({"chroma_headers": given})
    assert TOKEN not in str(caught.value)
