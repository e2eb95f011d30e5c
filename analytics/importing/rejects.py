"""The rows that were refused, beside the file they came from: line number, reason, original text."""

import csv
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from analytics.errors import SourceUnusable


class RejectsFile:
    """Writes nothing, and removes what an earlier import left, until the first row is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
        elif kind is None:
            self.path.unlink(missing_ok=True)

    def add(self, line: int, reason: str, text: str) -> None:
        if self._file is None:
            self._file = self._opened()
        csv.writer(self._file).writerow([line, reason, text])
        self.count += 1

    def _opened(self) -> TextIO:
        try:
            file = self.path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise SourceUnusable(
                f"some rows were refused, but {self.path} cannot be written ({error.strerror}); "
                "say where with --rejects FILE"
            ) from error
        csv.writer(file).writerow(["line", "reason", "text"])
        return file
