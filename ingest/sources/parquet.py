"""Page -> Papers: a Parquet table, its columns known by their names or told by the user. Needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.errors import PageUnreadable
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import could_be_records, paper_of

MAX_GROUP_BYTES = 1_000_000_000
"""A row group that unpacks to more is no table of abstracts."""
_ROWS_A_BATCH = 256


def recognises(page: Page) -> bool:
    """Whether the file opens with Parquet's mark."""
    return page.start.startswith(b"PAR1")


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each row, row groups one after the other.

    Raises:
        PageUnreadable: It is damaged, too large, without known columns, or pyarrow is not installed.
    """
    try:
        # Imported on first use: an extra.
        import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415  (it carries no types)
        import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise PageUnreadable("a Parquet table; to read it: pip install 'whichpapers[parquet]'") from error
    row = 0
    with page.data() as file:
        try:
            table = pyarrow.parquet.ParquetFile(file)
            groups = [table.metadata.row_group(n).total_byte_size for n in range(table.metadata.num_row_groups)]
            if max(groups, default=0) > MAX_GROUP_BYTES:
                raise PageUnreadable(f"a row group of {max(groups):,} bytes; at most {MAX_GROUP_BYTES:,} are read")
            if not could_be_records(table.schema_arrow.names, page.columns):
                raise PageUnreadable(_no_columns(table.schema_arrow.names))
            for batch in table.iter_batches(batch_size=_ROWS_A_BATCH):
                for record in batch.to_pylist():
                    row += 1
                    yield paper_of(record, Source(page.origin, row, ""), page.columns)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise PageUnreadable(f"not a whole Parquet table: {str(error).splitlines()[0]}") from error


def _no_columns(names: list[str]) -> str:
    told = ", ".join(names[:12])
    return f"no column of titles and of abstracts among: {told}; name them: --column title=... --column abstract=..."
