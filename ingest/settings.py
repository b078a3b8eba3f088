"""Settings: made once at the edge from flags, environment and defaults, then passed down."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.errors import BadSetting

DEFAULT_ENCODER = "MiniLM-L6-abstracts"
"""all-MiniLM-L6-v2, tuned to questions over abstracts (evals/training/README.md)."""
SECRET = ("api_key", "chroma_headers")
"""Settings whose values are shown nowhere."""


def _base_url(given: str) -> str:
    """`given` in full: with a scheme, and with `/v1` where it names no path."""
    text = given.strip()
    if "://" not in text:
        text = f"{'http' if is_loopback(f'//{text}') else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"no address: {error}") from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() or not c.isprintable() for c in text):
        raise ValueError("expected an address such as http://localhost:11434/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("expected an address without user name, password, ? and #; a key goes into OPENAI_API_KEY")
    host = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path or '/v1'}"


def _header(key: SecretStr) -> SecretStr:
    """`key` as it can be sent in a header."""
    text = key.get_secret_value().strip()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("expected one word of ASCII characters")
    return SecretStr(text)


def _spans_go_to(given: str) -> str:
    """`given`, an address in full: with the path at which collectors take spans."""
    text = given.strip()
    if text in ("console", "program"):
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("expected console, program, or the address of a collector such as http://localhost:4318")
    return f"{text.rstrip('/').removesuffix('/v1/traces')}/v1/traces"


def _server(given: str) -> str:
    """`given`, the address of a Chroma server: without what its client adds."""
    text = given.strip().rstrip("/").removesuffix("/api/v2")
    parts = urlsplit(text)
    plain = text.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not plain:
        raise ValueError("expected an address such as http://localhost:8000")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            "expected an address without user name, password, ? and #; what lets us in goes into"
            " WHICHPAPERS_CHROMA_HEADERS"
        )
    return text


def _cluster(given: str) -> str | None:
    """`given`, where the head of a Ray cluster is; None for one of this machine's own, which Ray calls local."""
    text = given.strip()
    if text == "local":
        return None
    if text != "auto" and not re.fullmatch(r"([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}", text, re.ASCII):
        raise ValueError("expected host:port of a Ray cluster that this machine is part of, or auto")
    return text


def _headers(given: SecretStr) -> SecretStr:
    """`given`, a header a line, if all of them can be sent."""
    lines = given.get_secret_value().strip().splitlines()
    if not all(re.fullmatch(r"[\w!#$%&'*+.^`|~-]+: *[!-~]+( [!-~]+)*", line, re.ASCII) for line in lines):
        raise ValueError('expected lines such as "X-Chroma-Token: TOKEN"')
    return SecretStr("\n".join(lines))


class Settings(BaseSettings):
    """Everything a user can set, each from the environment variable that `variable` names."""

    model_config = SettingsConfigDict(
        env_prefix="WHICHPAPERS_", frozen=True, extra="forbid", env_ignore_empty=True, populate_by_name=True
    )

    library: Path = Field(
        default_factory=lambda: user_data_path("whichpapers") / "library",
        description="folder of the library",
    )
    encoder: str = Field(
        default=DEFAULT_ENCODER,
        description="the default, all-MiniLM-L6-v2, or any other sentence-transformers model by name or path",
    )
    reranker: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = Field(
        default=None,
        description="cross-encoder that puts the best papers in order: sentence-transformers model, by name or by path",
    )
    offline: bool = Field(default=False, description="make any call to another machine an error")
    model: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = Field(
        default=None, description="language model, by the name that its server gives it"
    )
    base_url: Annotated[str, AfterValidator(_base_url)] | None = Field(
        default=None,
        validation_alias="OPENAI_BASE_URL",
        description="address of an OpenAI-compatible server, such as http://localhost:11434/v1",
    )
    api_key: Annotated[SecretStr, AfterValidator(_header)] | None = Field(
        default=None, validation_alias="OPENAI_API_KEY", description="key that the server wants; never shown"
    )
    model_timeout_s: float = Field(
        default=60, gt=0, le=3600, allow_inf_nan=False, description="most seconds a call to the model may take"
    )
    model_calls_at_once: int = Field(default=8, ge=1, le=64, description="most calls to the model at the same time")
    chroma: Annotated[str, AfterValidator(_server)] | None = Field(
        default=None, description="address of a Chroma server that keeps the vectors, such as http://localhost:8000"
    )
    chroma_headers: Annotated[SecretStr, AfterValidator(_headers)] | None = Field(
        default=None, description='headers that the Chroma server wants, as "Name: value", a line each; never shown'
    )
    chroma_tenant: str = Field(default="default_tenant", min_length=1, description="tenant on the Chroma server")
    chroma_database: str = Field(default="default_database", min_length=1, description="database of that tenant")
    chroma_timeout_s: float = Field(
        default=60, gt=0, le=3600, allow_inf_nan=False, description="most seconds the Chroma server may be silent"
    )
    chroma_rows: int = Field(
        default=5000, ge=1, le=5000, description="most vectors a call to it writes or finds; hosted Chroma allows 300"
    )
    vectors: str | None = Field(
        default=None, description="function that opens another store of vectors, as module:function"
    )
    engine: Literal["here", "ray"] = Field(
        default="here", description="what makes the vectors: this process, or Ray, on one machine or many"
    )
    ray_address: Annotated[str, AfterValidator(_cluster)] | None = Field(
        default=None,
        validation_alias="RAY_ADDRESS",
        description="Ray cluster that this machine is part of, as host:port; else one of its own",
    )
    tracing: Annotated[str, AfterValidator(_spans_go_to)] | None = Field(
        default=None, description="where spans of answers go: console, program (its own OpenTelemetry), or a collector"
    )
    tracing_text: bool = Field(default=False, description="put questions, prompts and replies into spans, too")


def variable(name: str) -> str:
    """The environment variable that the setting `name` is read from."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"WHICHPAPERS_{name.upper()}"


def is_loopback(url: str) -> bool:
    """Whether `url` names this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings(flags: Mapping[str, object]) -> Settings:
    """Settings from flags (those that are not None), else from the environment, else the defaults.

    Raises:
        BadSetting: A value cannot be used; the message names its variable.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][0])
        name = next((field for field in Settings.model_fields if place in (field, variable(field))), place)
        shown = "not shown" if name in SECRET else first["input"]
        # The cause would show the secret.
        raise BadSetting(name, variable(name) if name in Settings.model_fields else name, shown, first["msg"]) from None
