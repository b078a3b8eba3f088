"""Settings -> Chat: the language model that the settings name, with everything that makes it fit for use around it."""

from __future__ import annotations

from pathlib import Path

from assistant.llm.record import Recorded, Use
from ingest.replies import Replies
from ingest.settings import Settings, is_loopback

_HOSTED = "https://api.openai.com/v1"


def open_chat(settings: Settings, library: Path, *, use: Use = "record") -> Recorded | None:
    """The language model that `settings` name, or None where `why_not` has a reason. Calls nothing yet.

    Args:
        settings: See there.
        library: The folder in which replies are kept.
        use: What becomes of replies.
    """
    if why_not(settings):
        return None
    # Imported where there is a model to call: the client takes half a second.
    from assistant.llm.openai_chat import OpenAIChat  # noqa: PLC0415
    from assistant.llm.patience import Patient  # noqa: PLC0415

    endpoint = address(settings)
    asks = OpenAIChat(endpoint, settings.model, api_key=settings.api_key, timeout_s=settings.model_timeout_s)
    patient = Patient(asks, timeout_s=settings.model_timeout_s, at_once=settings.model_calls_at_once)
    return Recorded(patient, Replies(library), use, endpoint=endpoint)


def why_not(settings: Settings) -> str | None:
    """Why there is no language model, in one line that says what to set; None where there is one."""
    if settings.base_url is None and settings.model is None:
        return (
            "no language model is set; name one with WHICHPAPERS_MODEL and OPENAI_API_KEY, or a server that speaks"
            " OpenAI's protocol with OPENAI_BASE_URL"
        )
    if settings.base_url is None and settings.api_key is None:
        return f"OPENAI_API_KEY is missing for model {settings.model!r}; or set OPENAI_BASE_URL to a server of your own"
    if why := forbidden(settings):
        return f"{why}; only a server on this machine may be asked, such as OPENAI_BASE_URL=http://localhost:11434/v1"
    return None


def address(settings: Settings) -> str:
    """Of the server that is asked where there is a model."""
    return settings.base_url or _HOSTED


def forbidden(settings: Settings) -> str | None:
    """Why a model that the settings name may not be asked; None where it may, or where they name none."""
    named = settings.base_url is not None or (settings.model is not None and settings.api_key is not None)
    if named and settings.offline and not is_loopback(address(settings)):
        return f"--offline or WHICHPAPERS_OFFLINE forbids calls to {address(settings)}"
    return None
