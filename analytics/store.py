"""The folder of day files: `day=YYYY-MM-DD/<version>.parquet`, written aside and never modified.

A file counts from the transaction that names it in the catalogue; readers ignore every other file. The
folder may be an object store: everything goes through pyarrow's file systems. A marker in it names the
installation that it belongs to. What else lies in the folder is not ours, and is neither read nor removed.
"""

import datetime as dt
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from analytics.columns import PROPERTY_PREFIX
from analytics.errors import ForeignStore, StoreUnavailable
from analytics.partition import Partition
from analytics.settings import Settings

_OUR_PATH = re.compile(r"day=\d{4}-\d\d-\d\d/[0-9a-f]{32}\.parquet")
_TEXT_COLUMNS = ("session_id", "name", "client_id", "user_id")
#: Numbers that rise: stored as differences, a third of their size and the fastest to read.
_RISING_COLUMNS = ("session", "at_ms")
#: Read by every question, and small already or beyond compression: not worth the time to unpack.
_UNCOMPRESSED = (*_RISING_COLUMNS, "id", "name")
#: A column whose values take more than this is stored without a dictionary, and is slow to read.
_DICTIONARY_BYTES = 64 << 20
_MARKER = "onward-installation"


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
        """Write one file aside, durably in a local folder, and return its path. It does not count yet."""
        folder = f"day={day.isoformat()}"
        path = f"{folder}/{uuid4().hex}.parquet"
        try:
            self._filesystem.create_dir(self._full(folder), recursive=True)
            pq.write_table(table, self._full(path), filesystem=self._filesystem, **_layout(table))
            self._make_durable(path)
        except (pa.ArrowException, OSError) as error:
            raise StoreUnavailable(f"the event store at {self._root} cannot be written: {error}") from error
        return path

    def check(self, path: str) -> None:
        """Raises StoreUnavailable unless there is such a file."""
        try:
            found = self._filesystem.get_file_info(self._full(path))
        except (pa.ArrowException, OSError) as error:
            raise StoreUnavailable(f"the event store at {self._root} does not answer: {error}") from error
        if found.type is not fs.FileType.File:
            raise StoreUnavailable(f"{path} is missing in the event store at {self._root}")

    def read(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The named columns of a file that exist in it, or all. Text comes dictionary-encoded."""
        try:
            with self._filesystem.open_input_file(self._full(path)) as source:
                metadata = pq.read_metadata(source)
                names = metadata.schema.to_arrow_schema().names
                wanted = names if columns is None else [name for name in columns if name in names]
                text = [name for name in wanted if _is_text(name)]
                file = pq.ParquetFile(source, metadata=metadata, read_dictionary=text)
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

    def claim(self, installation: str) -> None:
        """Mark the store as this installation's. Raises ForeignStore when it is another's.

        Two installations in one folder would sweep each other's files: each lists only its own.
        """
        try:
            owner = self._owner()
            if owner is None:
                self._filesystem.create_dir(self._root, recursive=True)
                with self._filesystem.open_output_stream(self._full(_MARKER)) as marker:
                    marker.write(installation.encode())
                owner = self._owner()
        except (pa.ArrowException, OSError) as error:
            raise StoreUnavailable(f"the event store at {self._root} cannot be used: {error}") from error
        if owner != installation:
            raise ForeignStore(self._root, self._full(_MARKER))

    def _owner(self) -> str | None:
        """Whose marker lies here. An empty one is what a crash left, and nobody's."""
        try:
            with self._filesystem.open_input_stream(self._full(_MARKER)) as marker:
                return str(marker.read().decode(errors="replace")).strip() or None
        except FileNotFoundError:
            return None

    def _make_durable(self, path: str) -> None:
        """The catalogue survives a power loss, so the files that it lists must too."""
        if isinstance(self._filesystem, fs.LocalFileSystem):
            file = Path(self._full(path))
            for place in (file, file.parent, file.parent.parent):
                descriptor = os.open(place, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"


def _is_text(name: str) -> bool:
    return name in _TEXT_COLUMNS or name.startswith(PROPERTY_PREFIX)


def _layout(table: pa.Table) -> dict[str, Any]:
    """How a file is stored: one row group, each column as it reads fastest."""
    names = table.column_names
    return {
        "row_group_size": max(1, len(table)),
        "write_statistics": False,
        "use_dictionary": [name for name in names if _is_text(name)],
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
        "column_encoding": {name: "DELTA_BINARY_PACKED" for name in names if name in _RISING_COLUMNS},
        "compression": {name: "none" if name in _UNCOMPRESSED else "zstd" for name in names},
    }
