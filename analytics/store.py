"""The folder of day files: `day=YYYY-MM-DD/<version>.parquet`, written aside and never modified.

A file counts from the transaction that names it in the catalogue; readers ignore every other file. The
folder may be an object store: everything goes through pyarrow's file systems. What else lies in the folder
is not ours, and is neither read nor removed.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from analytics.columns import PROPERTY_PREFIX
from analytics.errors import StoreUnavailable
from analytics.partition import Partition
from analytics.settings import Settings

_OUR_PATH = re.compile(r"day=\d{4}-\d\d-\d\d/[0-9a-f]{32}\.parquet")
_TEXT_COLUMNS = ("session_id", "name", "client_id", "user_id")


class EventStore:
    def __init__(self, filesystem: fs.FileSystem, root: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    @classmethod
    def open(cls, settings: Settings, default: Path) -> "EventStore":
        """The store that ANALYTICS_STORE names, else the folder `default`."""
        return cls.at(settings.store or str(default))

    @classmethod
    def at(cls, location: str) -> "EventStore":
        """A folder, or a URI that pyarrow knows (s3://, gs://, file://)."""
        try:
            if "://" in location:
                return cls(*fs.FileSystem.from_uri(location))
            return cls(fs.LocalFileSystem(), str(Path(location).expanduser().resolve()))
        except (pa.ArrowException, OSError) as error:
            raise StoreUnavailable(f"ANALYTICS_STORE {location!r} cannot be used: {error}") from error

    def write(self, day: dt.date, table: pa.Table) -> str:
        """Write one file aside and return its path in the store. It does not count yet."""
        folder = f"day={day.isoformat()}"
        path = f"{folder}/{uuid4().hex}.parquet"
        try:
            self._filesystem.create_dir(self._full(folder), recursive=True)
            pq.write_table(
                table,
                self._full(path),
                filesystem=self._filesystem,
                compression="zstd",
                row_group_size=max(1, len(table)),
                write_statistics=False,
            )
        except (pa.ArrowException, OSError) as error:
            raise StoreUnavailable(f"the event store at {self._root} cannot be written: {error}") from error
        return path

    def read(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The named columns of a file that exist in it, or all. Text comes dictionary-encoded."""
        try:
            with self._filesystem.open_input_file(self._full(path)) as source:
                names = pq.read_schema(source).names
                file = pq.ParquetFile(
                    source,
                    read_dictionary=[n for n in names if n in _TEXT_COLUMNS or n.startswith(PROPERTY_PREFIX)],
                )
                wanted = names if columns is None else [name for name in columns if name in names]
                return file.read(columns=wanted, use_threads=False)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise StoreUnavailable(
                f"the event file {path} cannot be read ({error}); "
                "`python -m analytics sync --rebuild` writes all files again"
            ) from error

    def partition(self, path: str) -> Partition:
        return Partition(lambda columns: self.read(path, columns))

    def paths(self) -> Iterator[str]:
        """Every event file in the folder, whether it counts or not; by their names, ours only."""
        selector = fs.FileSelector(self._root, recursive=True, allow_not_found=True)
        for found in self._filesystem.get_file_info(selector):
            path = found.path[len(self._root) + 1 :]
            if found.type == fs.FileType.File and _OUR_PATH.fullmatch(path):
                yield path

    def delete(self, path: str) -> None:
        """Remove a file; one that is gone already is fine."""
        try:
            self._filesystem.delete_file(self._full(path))
        except FileNotFoundError:
            return

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"
