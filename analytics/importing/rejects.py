"""The rows that were refused, beside the file they came from: line number, reason, original text."""

import csv
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from analytics.errors import SourceUnusable

_HEADER = ["line", "reason", "text"]
_FIRST_LINE = ",".join(_HEADER).encode()


class RejectsFile:
    """Written when the first row is refused. A clean import removes what an earlier one left here.

    Only a file of refused rows is ever written over or removed: entering raises SourceUnusable when `path`
    is `source`, or holds something else.
    """

    def __init__(self, path: Path, *, source: Path | None = None) -> None:
        self.path = path
        self.count = 0
        self._source = source
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        if self._source and self.path.exists() and self.path.samefile(self._source):
            raise self._refusal("is the file to import")
        if self.path.is_file() and self.path.stat().st_size and not self._holds_rejects():
            raise self._refusal("holds something else")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
        elif kind is None and self._holds_rejects():
            self.path.unlink(missing_ok=True)

    def add(self, line: int, reason: str, text: str) -> None:
        if self._file is None:
            self._file = self._opened()
        csv.writer(self._file).writerow([line, reason, text])
        self.count += 1

    def _holds_rejects(self) -> bool:
        if not self.path.is_file():
            return False
        try:
            with self.path.open("rb") as file:
                return file.readline(len(_FIRST_LINE) + 2).rstrip() == _FIRST_LINE
        except OSError as error:
            raise self._refusal(f"cannot be read ({error.strerror})") from error

    def _refusal(self, problem: str) -> SourceUnusable:
        return SourceUnusable(
            f"refused rows would go to {self.path}, but it {problem}; name another with --rejects FILE"
        )

    def _opened(self) -> TextIO:
        try:
            file = self.path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise SourceUnusable(
                f"some rows were refused, but {self.path} cannot be written ({error.strerror}); "
                "say where with --rejects FILE"
            ) from error
        csv.writer(file).writerow(_HEADER)
        return file
