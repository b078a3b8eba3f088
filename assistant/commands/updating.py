"""Sources -> library, again and again: the commands that bring in what is new, and tell what that changes."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from assistant.commands.terminal import LibraryOption, OfflineOption, open_assistant, say, settings_of

Mode = Literal["auto", "offline", "llm"]


def news(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names that ask --save was given [default: all].")
    ] = None,
    library: LibraryOption = None,
    mode: Annotated[Mode | None, typer.Option(help="auto, offline or llm [default: as each was asked].")] = None,
    seen: Annotated[bool, typer.Option("--seen", help="Tell only of what comes after this, the next time.")] = False,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="Form of the news.")] = "text",
    offline: OfflineOption = False,
) -> None:
    """Tell what changes the answers that `ask --save` keeps: papers that came, changed or went since."""
    from assistant import news as telling  # noqa: PLC0415  (a quarter of a second, which --help should not take)
    from assistant import saved  # noqa: PLC0415  (see above)

    settings = settings_of(library, offline=offline)
    with open_assistant(settings) as assistant:
        wanted = [saved.load(settings.library, name) for name in names or saved.names(settings.library)]
        if not wanted:
            say("no answer is saved; save one with: whichpapers ask QUESTION --save NAME")
        told = [assistant.news(answer, mode) for answer in wanted]
        if output == "json":
            print(json.dumps([news.to_dict() for news in told], ensure_ascii=False, indent=2))
        elif told:
            print(telling.plain(told))
        if seen:
            texts = assistant.library.store.texts()
            for answer in wanted:
                saved.save(settings.library, answer.knowing(texts))
