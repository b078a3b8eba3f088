"""Settings: made once at the edge from flags, environment and defaults, then passed down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.errors import BadSetting

DEFAULT_ENCODER = "all-MiniLM-L6-v2"


class Settings(BaseSettings):
    """Everything a user can set. Each field reads the variable WHICHPAPERS_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="WHICHPAPERS_", frozen=True, extra="forbid", env_ignore_empty=True)

    library: Path = Field(
        default_factory=lambda: user_data_path("whichpapers") / "library",
        description="folder of the library",
    )
    encoder: str = Field(
        default=DEFAULT_ENCODER, description="sentence-transformers model, by name or by path to its folder"
    )
    offline: bool = Field(default=False, description="make any call to another machine an error")


def read_settings(flags: Mapping[str, object]) -> Settings:
    """Settings from flags (those that are not None), else from the environment, else the defaults.

    Raises:
        BadSetting: A value cannot be used; the message names its variable.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSetting(str(first["loc"][0]), first["input"], first["msg"]) from error
