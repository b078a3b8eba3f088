"""OpenAPI -> HTML: the endpoints on one page, which needs nothing from elsewhere and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h2 { font: 600 1.1rem ui-monospace, monospace; margin: 2rem 0 0 } p { margin: .3rem 0 }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8886; border-radius: 6px; font-size: .85rem }
"""


def page(described: Mapping[str, Any]) -> str:
    """All that an OpenAPI description tells, for people.

    Args:
        described: As FastAPI gives it.
    """
    info, named = described["info"], described["components"]["schemas"]
    shown = "\n".join(_endpoints(described["paths"], named))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        f'<p>For programs: <a href="openapi.json">openapi.json</a></p>{shown}</html>'
    )


def _endpoints(paths: Mapping[str, Any], named: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, told in methods.items():
            yield f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(told['description'])}</p>"
            for form in told.get("requestBody", {}).get("content", {}).values():
                yield _details("takes", form["schema"], named)
            for kind, form in told["responses"]["200"].get("content", {}).items():
                yield _details(f"gives {kind}", form["schema"], named)


def _details(title: str, schema: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    whole = {"schema": schema, "definitions": {name: named[name] for name in _names(schema, named)}}
    text = json.dumps(whole, ensure_ascii=False, indent=2)
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def _names(schema: object, named: Mapping[str, Any], seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The definitions that `schema` leans on, each once, and those that they lean on."""
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in parts:
        name = part.rpartition("/")[2] if isinstance(part, str) and part.startswith("#/components/schemas/") else None
        if name and name not in seen:
            seen = _names(named[name], named, (*seen, name))
        seen = _names(part, named, seen)
    return seen
