"""The forms in which a table leaves the house."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

from recovery.exports.as_csv import csv_blocks
from recovery.exports.as_parquet import parquet_blocks
from recovery.exports.table import Rows


@dataclass(frozen=True, slots=True)
class Format:
    name: str  #: also the ending of a file
    label: str
    media_type: str
    encode: Callable[[Rows], Generator[bytes, None, None]]


CSV = Format("csv", "CSV", "text/csv; charset=utf-8", csv_blocks)
PARQUET = Format("parquet", "Parquet", "application/vnd.apache.parquet", parquet_blocks)
FORMATS: Mapping[str, Format] = {form.name: form for form in (CSV, PARQUET)}
