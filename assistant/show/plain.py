"""Error -> words: what cannot be done, in the names that the page's own controls have."""

from __future__ import annotations

from assistant.errors import AssistantError, BadOption, NoModel
from ingest import IngestError


def plain(error: AssistantError | IngestError) -> str:
    """What cannot be done, and what to do instead."""
    if isinstance(error, NoModel):
        return f"This needs a language model: {error.why}. “Automatic” and “Quotes only” do without."
    if isinstance(error, BadOption) and error.name == "columns":
        return f"Name what to compare: {error.expected}."
    return str(error)
