"""CSV rows. Broken quoting costs the line it is on, never the lines below it.

A quoted field may hold line ends, so a line with an open quote asks for more lines. When they do not make
a record of the header's width, only the first line is bad, and reading goes on at the second.
"""

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from analytics.errors import SourceUnusable
from analytics.importing.lines import Line, LineFile, decoded
from analytics.importing.source import Row

DELIMITERS = ",;\t|"
#: Lines that one quoted record may span.
MAX_RECORD_LINES = 200
_MORE_NEEDED = "unexpected end of data"


class CsvSource:
    columns: list[str] | None

    def __init__(self, path: Path, delimiter: str | None = None) -> None:
        self.label = path.name
        self._file = LineFile(path)
        self._lines = self._file.lines()
        self._waiting: deque[Line] = deque()
        header = self._header(path)
        if "\r" in header:
            raise SourceUnusable(f"{path.name} ends its lines with CR alone; save it with LF line ends first")
        if delimiter is not None and len(delimiter) != 1:
            raise SourceUnusable(f"--delimiter is {delimiter!r}, but must be one character")
        self._delimiter = delimiter or max(DELIMITERS, key=header.count)
        self._names = _named(path, next(csv.reader([header], delimiter=self._delimiter)))
        self.columns = self._names

    def share_read(self) -> float | None:
        return self._file.share_read()

    def rows(self) -> Iterator[Row]:
        while (line := self._next()) is not None:
            number, raw = line
            text, problem = decoded(raw)
            if problem:
                yield Row(number, {}, text, problem)
            elif '"' in text:
                yield self._quoted(number, text)
            elif text:
                yield self._row(number, text, text.split(self._delimiter))

    def _header(self, path: Path) -> str:
        line = self._next()
        if line is None:
            raise SourceUnusable(f"{path.name} is empty; the first line must name the columns")
        text, problem = decoded(line[1])
        if problem:
            raise SourceUnusable(
                f"the first line of {path.name}: {problem}; it must name the columns in UTF-8"
            )
        return text

    def _next(self) -> Line | None:
        return self._waiting.popleft() if self._waiting else next(self._lines, None)

    def _row(self, number: int, text: str, values: list[str]) -> Row:
        if len(values) != len(self._names):
            return Row(number, {}, text, f"has {len(values)} fields; the header has {len(self._names)}")
        return Row(number, dict(zip(self._names, values, strict=True)), text, is_clean=True)

    def _quoted(self, number: int, first: str) -> Row:
        texts = [first]
        taken: list[Line] = []
        while True:
            try:
                values = next(csv.reader(_with_ends(texts), delimiter=self._delimiter, strict=True))
            except csv.Error as error:
                if _MORE_NEEDED in str(error) and self._read_to_next_quote(texts, taken):
                    continue
                self._waiting.extendleft(reversed(taken))
                return Row(number, {}, first, f"has broken quoting: {error}")
            row = self._row(number, "\n".join(texts), values)
            if row.problem and taken:
                self._waiting.extendleft(reversed(taken))
                return Row(number, {}, first, "has a quote that is not closed")
            return row

    def _read_to_next_quote(self, texts: list[str], taken: list[Line]) -> bool:
        """Add lines up to one that could close the field; False when there is none near."""
        while len(taken) < MAX_RECORD_LINES and (line := self._next()) is not None:
            taken.append(line)
            text, problem = decoded(line[1])
            if problem:
                return False
            texts.append(text)
            if '"' in text:
                return True
        return False


def _with_ends(texts: list[str]) -> list[str]:
    return [*(text + "\n" for text in texts[:-1]), texts[-1]]


def _named(path: Path, names: list[str]) -> list[str]:
    names = [name.strip() or f"column {number}" for number, name in enumerate(names, 1)]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SourceUnusable(f"{path.name} has two columns called {min(twice)!r}; rename one")
    return names
