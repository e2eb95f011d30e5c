"""Lines of a text file, gzipped or not, each with its number, none longer than a limit."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from analytics.errors import SourceUnusable

MAX_LINE_BYTES = 1 << 20
_BUFFER_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

#: The bytes of a line without its end; None when it is longer than the limit.
Line = tuple[int, bytes | None]


class LineFile:
    """A file as numbered lines. `share_read` follows the bytes on disk, so gzip counts compressed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = max(1, path.stat().st_size)
        self._file = path.open("rb")
        start = self._file.read(2)
        self._file.seek(0)
        stream = gzip.GzipFile(fileobj=self._file) if start == _GZIP else self._file
        self._stream = io.BufferedReader(cast("io.RawIOBase", stream), _BUFFER_BYTES)

    def share_read(self) -> float:
        return self._file.tell() / self._size if not self._file.closed else 1.0

    def lines(self) -> Iterator[Line]:
        """Raises SourceUnusable where a compressed file is damaged; the lines before it have been given."""
        number = 0
        try:
            for number, line in enumerate(_lines(self._stream), 1):
                yield number, _unmarked(self.path, line) if number == 1 else line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceUnusable(
                f"{self.path.name} is damaged after line {number} ({error}); the events before it are stored"
            ) from error
        finally:
            self._file.close()


def decoded(line: bytes | None) -> tuple[str, str | None]:
    """The line as text, and what is wrong with it."""
    if line is None:
        return "", f"longer than {MAX_LINE_BYTES:,} bytes"
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return line.decode(errors="backslashreplace"), f"not UTF-8 at byte {error.start + 1}"
    return text, "contains a NUL character" if "\0" in text else None


def _lines(stream: BinaryIO | io.BufferedReader) -> Iterator[bytes | None]:
    while line := stream.readline(MAX_LINE_BYTES):
        if line.endswith(b"\n") or len(line) < MAX_LINE_BYTES:
            yield line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_BYTES)
        yield None


def _unmarked(path: Path, line: bytes | None) -> bytes | None:
    if line and line.startswith(_UTF16_MARKS):
        raise SourceUnusable(f"{path.name} is UTF-16; save it as UTF-8 first")
    return line.removeprefix(_UTF8_MARK) if line else line
