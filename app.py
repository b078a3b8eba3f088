"""Answer -> page: the chat, by `python app.py` or `whichpapers chat`. Turns events into what Gradio shows, no more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr
import typer

from assistant import Answer, Assistant, AssistantError, Stage, Token
from assistant.command import run
from assistant.render import markdown
from ingest import IngestError
from ingest.settings import read_settings

MAX_HISTORY_TURNS = 20
MAX_WAITING = 64
EXAMPLES = (
    "which papers use Hessian approximations for quantization",
    "Which papers prove convergence rates for zeroth-order optimization?",
    "How do document-understanding systems deal with reading order? Compare them.",
)
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'none'; object-src 'none'; "
    "form-action 'self'; base-uri 'self'"
)
"""Whatever text a paper smuggles in, the browser fetches nothing from another host."""


command = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def responder(assistant: Assistant) -> Callable[[str, list[dict[str, Any]]], Iterator[str]]:
    """The chat's function: yields what the reply shows so far."""

    def reply(question: str, history: list[dict[str, Any]]) -> Iterator[str]:
        text = ""
        try:
            for event in assistant.stream(question, turns(history)):
                if isinstance(event, Stage):
                    yield (
                        f"_{event.name}: {event.detail} ..._"
                        if event.name != "understand"
                        else "_reading the question ..._"
                    )
                elif isinstance(event, Token):
                    text += event.text
                    yield text
                elif isinstance(event, Answer):
                    yield markdown(event)
        except (AssistantError, IngestError) as error:
            yield f"{error}"

    return reply


def turns(history: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Gradio's messages as the assistant takes them: the last few, their text alone."""
    kept = []
    for message in history[-MAX_HISTORY_TURNS:]:
        content = message.get("content")
        parts = content if isinstance(content, list) else [content]
        texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
        text = "\n".join(text for text in texts if isinstance(text, str))
        if message.get("role") in ("user", "assistant"):
            kept.append({"role": str(message["role"]), "content": text})
    return kept


def page(assistant: Assistant) -> gr.ChatInterface:
    """The chat page over one library."""
    library = assistant.library
    chatbot = gr.Chatbot(
        height="70vh",
        autoscroll=False,
        latex_delimiters=[],
        sanitize_html=True,
        allow_tags=False,
        buttons=["copy"],
        show_label=False,
    )
    return gr.ChatInterface(
        responder(assistant),
        chatbot=chatbot,
        title="whichpapers",
        description=f"Ask {len(library)} papers. No language model takes part: answers quote the papers word for word.",
        examples=list(EXAMPLES),
        cache_examples=False,
        api_visibility="private",
        analytics_enabled=False,
        concurrency_limit=4,
    )


@command.command()
def serve(
    library: Annotated[Path | None, typer.Option("--library", "-l", help="Folder of the library.")] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 7860,
) -> None:
    """Serve the chat on this machine alone, at http://127.0.0.1:PORT, until interrupted."""
    with Assistant.open(settings=read_settings({"library": library})) as assistant:
        page(assistant).queue(max_size=MAX_WAITING, api_open=False).launch(
            server_name="127.0.0.1",
            server_port=port,
            share=False,
            head=f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">',
            max_file_size="64kb",
            footer_links=[],
            run_history=False,
        )


def main() -> NoReturn:
    """Runs the chat and exits: 0 done, 2 unusable arguments or library."""
    run(command, "whichpapers chat", AssistantError, IngestError)


if __name__ == "__main__":
    main()
