"""Documents -> library: what LlamaIndex's readers read, ingested as any page is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from llama_index.core.schema import Document

from ingest import IngestReport, Settings, ingest
from ingest.encode import Encoder


def ingest_documents(
    documents: Iterable[Document],
    library: Path | str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    encoder: Encoder | None = None,
) -> IngestReport:
    """Reads documents into a library, a paper each; see `ingest.ingest`, as for the errors.

    A document's text is the abstract; its metadata tell title, authors, year, url and so on, under the names that
    `ingest.sources.fields` knows. Its id is the paper's, unless LlamaIndex made it up. Without a title it is rejected.

    Args:
        documents: As readers give them.
        library: The library's folder; by default the one that `settings` name.
        columns: What the metadata call our fields, where that cannot be guessed: {"title": "file_name"}.
        settings: By default made from the environment.
        encoder: Used instead of the one that `settings` name.
    """
    with TemporaryDirectory() as folder:
        page = Path(folder, "documents", "documents.jsonl")
        page.parent.mkdir()
        with page.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(_record(document), default=str)}\n" for document in documents)
        return ingest(page, library, columns=columns, settings=settings, encoder=encoder)


def _record(document: Document) -> dict[str, object]:
    own = {} if _is_made_up(document.id_) else {"id": document.id_}
    return {**own, **document.metadata, "text": document.text}


def _is_made_up(name: str) -> bool:
    try:
        return UUID(name).version == 4
    except ValueError:
        return False
