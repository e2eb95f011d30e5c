"""Which source reads a file."""

from pathlib import Path

from analytics.errors import SourceUnusable
from analytics.importing.csv_source import CsvSource
from analytics.importing.jsonl_source import JsonlSource
from analytics.importing.parquet_source import ParquetSource
from analytics.importing.source import Source

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def open_file(path: Path, delimiter: str | None = None) -> Source:
    """The source for a file, by its ending; gzip is recognised inside. Raises SourceUnusable."""
    if not path.exists():
        raise SourceUnusable(f"there is no file {path}")
    if not path.is_file():
        raise SourceUnusable(f"{path} is not a file")
    ending = path.name.lower().removesuffix(".gz")
    try:
        if ending.endswith((".csv", ".tsv")):
            return CsvSource(path, delimiter)
        if ending.endswith((".jsonl", ".ndjson")):
            return JsonlSource(path)
        if ending.endswith(".parquet"):
            return ParquetSource(path)
    except OSError as error:
        raise SourceUnusable(f"{path} cannot be read: {error.strerror or error}") from error
    raise SourceUnusable(
        f"cannot tell the format of {path.name}; its name must end in {', '.join(ENDINGS)} (or .gz)"
    )
