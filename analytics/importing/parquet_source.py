"""Parquet rows, batch by batch. Times keep their meaning, other special types become text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analytics.errors import SourceUnusable
from analytics.importing.source import Row

BATCH_ROWS = 10_000


class ParquetSource:
    columns: list[str] | None

    def __init__(self, path: Path) -> None:
        self.label = path.name
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise SourceUnusable(f"{path.name} is not a Parquet file: {error}") from error
        self.columns = self._file.schema_arrow.names
        self._rows = self._file.metadata.num_rows
        self._read = 0

    def share_read(self) -> float | None:
        return self._read / self._rows if self._rows else 1.0

    def rows(self) -> Iterator[Row]:
        """Raises SourceUnusable where the file is damaged; the rows of the batches before have been given."""
        for batch in self._batches():
            for record in batch:
                self._read += 1
                yield Row(self._read, record, None)

    def _batches(self) -> Iterator[list[dict[str, Any]]]:
        try:
            for batch in self._file.iter_batches(BATCH_ROWS):
                yield batch.to_pylist()
        # Arrow says ValueError and OverflowError of a time that Python cannot hold.
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise SourceUnusable(
                f"{self.label} is damaged after row {self._read} ({error}); the events before it are stored"
            ) from error
