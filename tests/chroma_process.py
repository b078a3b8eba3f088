"""A real Chroma server in a process of its own, on a free port of this machine: what `chroma run` starts."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.processes import environment

_START_S = 90


class ChromaProcess:
    """`chroma run` over a folder; it can be killed, started anew, and emptied."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder = folder
        self.url = f"http://127.0.0.1:{self._port}"
        self._base = f"{self.url}/api/v2/tenants/default_tenant/databases/default_database/collections"
        self.start()

    def start(self) -> None:
        command = Path(sys.executable).with_name("chroma")
        self._process = subprocess.Popen(
            [command, "run", "--path", self._folder, "--host", "127.0.0.1", "--port", str(self._port)],
            stdout=subprocess.DEVNULL,  # it tells of every call, and stands still once a pipe is full
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"chroma run ended with {self._process.returncode}"
            try:
                httpx.get(f"{self.url}/api/v2/heartbeat", timeout=5).raise_for_status()
                return
            except httpx.TransportError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"chroma run did not answer in {_START_S} s")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def emptied(self) -> None:
        """The same server, all of whose data is lost."""
        self.kill()
        shutil.rmtree(self._folder)
        self.start()

    def collections(self, tenant: str = "default_tenant", database: str = "default_database") -> dict[str, int]:
        """How many vectors each collection holds."""
        base = f"{self.url}/api/v2/tenants/{tenant}/databases/{database}/collections"
        return {
            told["name"]: int(httpx.get(f"{base}/{told['id']}/count", timeout=60).text)
            for told in httpx.get(base, timeout=60).json()
        }

    def add_database(self, tenant: str, name: str) -> None:
        """Makes a tenant, and a database for it."""
        tenants = f"{self.url}/api/v2/tenants"
        httpx.post(tenants, json={"name": tenant}, timeout=60).raise_for_status()
        httpx.post(f"{tenants}/{tenant}/databases", json={"name": name}, timeout=60).raise_for_status()

    def id_of(self, name: str) -> str:
        """The id of a collection."""
        return str(httpx.get(f"{self._base}/{name}", timeout=60).json()["id"])

    def put(self, path: str, told: object) -> None:
        """Sends `told` to a path of its interface, as any other program might."""
        httpx.put(f"{self._base}/{path}", json=told, timeout=60).raise_for_status()


class Gate:
    """Stands before a server and lets in who has the token: as hosted editions and proxies with a login do.

    Who has not is told so, with what it sent repeated.
    """

    def __init__(
        self, behind: str, token: str = "", tls: ssl.SSLContext | None = None, refusal: tuple[int, str] = (401, "{}")
    ) -> None:
        self._refusal = refusal
        self._client = httpx.Client(timeout=60)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(behind, token))
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://localhost:{self._http.server_port}"
        self.calls = 0
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._client.close()

    def _handler(self, behind: str, token: str) -> type[BaseHTTPRequestHandler]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                gate.calls += 1
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                given = self.headers.get("X-Chroma-Token", "")
                if given != token:
                    status, body_with = gate._refusal
                    self.reply(status, "text/plain", body_with.replace("{}", given).encode())
                    return
                headers = {"Content-Type": "application/json"}
                told = gate._client.request(self.command, behind + self.path, content=body, headers=headers)
                self.reply(told.status_code, "application/json", told.content)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 (the names that http.server looks for)

            def reply(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def certificate(folder: Path) -> Path:
    """A key and a certificate for localhost, in one file that nobody else trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "localhost.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file
