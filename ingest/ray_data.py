"""Works -> vectors, on many machines: Ray Data gives parts of an ingest to whoever is free, lost ones to another."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingest.encode import Encoder
from ingest.errors import BadSetting, VectorsUnavailable
from ingest.project import Change
from ingest.settings import Settings, is_loopback, variable
from ingest.vectors import Encoded, encode

if TYPE_CHECKING:
    from ray.data import Dataset

TOLD = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # of this process: a failure is told in one line
    "RAY_NUM_REDIS_GET_RETRIES": "1",  # else a quarter of an hour for what is no cluster
}
"""What Ray reads when it is imported, where the user says nothing else."""
ALONE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listens on loopback only; on Linux, too
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),  # else Ray would write one into the user's home
}
"""What a cluster of this machine's own is told: that nobody else may use it."""
_MAX_WHY_CHARS = 300
_CONNECT_S = 5
_RAISED = re.compile(r"(?!ray\.)[A-Za-z_][\w.]*: ")
"""How a trace ends: the name of an exception that is not Ray's own, and its text."""


class RayData:
    """The cluster that `RAY_ADDRESS` names, else one of this machine's own, which lasts as long as the library is open.

    This process alone reads and writes the library. The others are sent titles and abstracts, and send vectors.
    """

    batch_papers = 16_384

    def __init__(self, settings: Settings, encoder: Encoder) -> None:
        """Checks what can be known before anything is written.

        Args:
            settings: Say which cluster, and whether it may be another machine's.
            encoder: Is pickled for each process of the cluster, and loads its weights there.

        Raises:
            BadSetting: Ray is not installed, or would call another machine where that is forbidden.
        """
        self._address, self._offline, self._encoder = settings.ray_address, settings.offline, encoder
        self.place = f"the Ray cluster at {self._address}" if self._address else "Ray"
        self._opened = ExitStack()
        if self._offline and self._address and not is_loopback(f"//{self._address}"):
            raise self._forbidden()
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        for name, value in (TOLD if self._address else TOLD | ALONE).items():
            os.environ.setdefault(name, value)
        try:
            import ray.data  # noqa: F401, PLC0415  (a second, which no other engine should take)
        except ImportError as error:
            why = "Ray Data is missing; install it with: pip install 'whichpapers[ray]'"
            raise BadSetting("engine", variable("engine"), "ray", why) from error
        for logger in ("ray", "ray.data"):
            logging.getLogger(logger).setLevel(logging.CRITICAL + 1)

    def encoded(self, parts: Iterable[Sequence[Change]]) -> Iterator[Encoded]:
        """See `Engine.encoded`.

        Raises:
            BadSetting: The cluster has another machine, where that is forbidden.
            VectorsUnavailable: There is no cluster, or it failed where trying again is of no use.
        """
        import ray.data.exceptions  # noqa: PLC0415  (see __init__)

        items = [{"changes": list(part)} for part in parts]
        if not items:
            return
        try:
            self._open()
            for row in self._made(items).iter_batches(batch_size=1, batch_format="numpy"):
                yield [str(key) for key in row["keys"][0]], row["vectors"][0]
        except (ray.exceptions.RayError, ray.data.exceptions.SystemException, OSError) as error:
            raise VectorsUnavailable(self.place, f"failed ({_why(error)})") from error

    def close(self) -> None:
        """Ends the cluster if it is our own, else leaves it."""
        self._opened.close()

    def _open(self) -> None:
        """Starts or joins the cluster, unless the program did before."""
        import ray  # noqa: PLC0415  (see __init__)

        if not ray.is_initialized():
            told: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
            if not self._address:
                folder = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
                told |= {"include_dashboard": False, "_temp_dir": self._opened.enter_context(folder)}
            elif self._address != "auto":
                parts = urlsplit(f"//{self._address}")
                socket.create_connection((parts.hostname, parts.port), _CONNECT_S).close()  # Ray would try for minutes
            with _silent(), nullcontext() if self._address else _without_dashboard():
                ray.init(self._address or "local", **told)
            ray._private.worker._worker_logs_enabled = False  # what happens on other machines would go to stdout
            self._opened.callback(ray.shutdown)
        machines = {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]
        if self._offline and machines - {ray.util.get_node_ip_address()}:  # type: ignore[no-untyped-call]
            raise self._forbidden()

    def _made(self, items: list[dict[str, list[Change]]]) -> Dataset:
        """A row of `keys` and `vectors` for each item, made as they are asked for."""
        import ray.data  # noqa: PLC0415  (see __init__)

        data = ray.data.from_items(items, override_num_blocks=len(items))
        data.context.enable_progress_bars = False
        data.context.execution_options.preserve_order = True  # what is kept in one order is found in one order
        processors = max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]
        return data.map_batches(
            Encoding,
            fn_constructor_args=(self._encoder, self._encoder.fingerprint, version("whichpapers")),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=min(processors, len(items))),
        )

    def _forbidden(self) -> BadSetting:
        why = "WHICHPAPERS_OFFLINE forbids calls to other machines"
        return BadSetting("ray_address", variable("ray_address"), self._address, why)


class Encoding:
    """Makes vectors in a process of the cluster, by an encoder of its own."""

    def __init__(self, encoder: Encoder, fingerprint: str, release: str) -> None:
        """Checks that vectors made here are those that would be made where the library is.

        Raises:
            RuntimeError: Other weights or another release are installed on this machine.
        """
        if (found := version("whichpapers")) != release:
            raise RuntimeError(f"whichpapers is {found} on a machine of the cluster, {release} here")
        if encoder.fingerprint != fingerprint:
            raise RuntimeError(f"encoder {encoder.name!r} has other weights on a machine of the cluster")
        self._encoder = encoder

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The vectors of one part."""
        keys, vectors = encode(self._encoder, batch["changes"][0])
        return {"keys": [keys], "vectors": vectors[None]}


@contextmanager
def _without_dashboard() -> Iterator[None]:
    """Has a cluster start without the process that, dashboard and statistics or not, asks in which cloud it is.

    It asks 169.254.169.254 and metadata.google.internal before it looks whether statistics are wanted (Ray 2.60).
    """
    from ray._private.node import Node  # noqa: PLC0415  (see RayData)

    kept = Node.start_api_server
    try:
        Node.start_api_server = lambda *_, **__: None  # type: ignore[method-assign]  # there is no option
        yield
    finally:
        Node.start_api_server = kept  # type: ignore[method-assign]


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps from stderr what Ray's libraries write there themselves: that they write nothing from now on."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _why(error: Exception) -> str:
    """What happened, of what Ray tells: around it are traces of other processes, and advice to programmers."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    raised = [line for line in lines if _RAISED.match(line)]
    return (raised or lines or [type(error).__name__])[-1][:_MAX_WHY_CHARS]
