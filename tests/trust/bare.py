"""Message -> reply: the chat that takes ten lines, to compare with: `python -m tests.trust.bare --port PORT`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator

import gradio as gr
from openai import OpenAI


def reply(message: str, _: object) -> Iterator[str]:
    """What the model says, as it comes."""
    text = ""
    with OpenAI(api_key="none", max_retries=0) as client:
        parts = client.chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": message}], stream=True
        )
        for part in parts:
            text += (part.choices[0].delta.content or "") if part.choices else ""
            yield text


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--library", help="it has none")
    gr.ChatInterface(reply).launch(server_name="127.0.0.1", server_port=parser.parse_args().port)
