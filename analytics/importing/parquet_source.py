"""Parquet rows, batch by batch. Times keep their meaning, other special types become text."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analytics.errors import SourceUnusable
from analytics.importing.source import Row

BATCH_ROWS = 10_000


class ParquetSource:
    columns: list[str] | None

    def __init__(self, path: Path) -> None:
        self.label = str(path)
        try:
            self._file = pq.ParquetFile(path)
        except pa.ArrowException as error:
            raise SourceUnusable(f"{path.name} is not a Parquet file: {error}") from error
        self.columns = self._file.schema_arrow.names
        self._rows = self._file.metadata.num_rows
        self._read = 0

    def share_read(self) -> float | None:
        return self._read / self._rows if self._rows else 1.0

    def rows(self) -> Iterator[Row]:
        for batch in self._file.iter_batches(BATCH_ROWS):
            for record in batch.to_pylist():
                self._read += 1
                yield Row(self._read, record, None)
