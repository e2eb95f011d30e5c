"""JSON Lines: an object a line. Numbers and booleans keep their type; `properties` is taken apart."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analytics.importing.lines import LineFile, decoded
from analytics.importing.source import Row


class JsonlSource:
    columns: list[str] | None = None

    def __init__(self, path: Path) -> None:
        self.label = path.name
        self._file = LineFile(path)

    def share_read(self) -> float | None:
        return self._file.share_read()

    def rows(self) -> Iterator[Row]:
        for number, line in self._file.lines():
            text, problem = decoded(line)
            if problem:
                yield Row(number, {}, text, problem)
            elif text and not text.isspace():
                yield _row(number, text)


def _row(number: int, text: str) -> Row:
    try:
        record = json.loads(text, parse_constant=_refused)
    except RecursionError:
        return Row(number, {}, text, "is nested too deeply")
    except ValueError as error:
        return Row(number, {}, text, f"is not JSON: {error}")
    if not isinstance(record, dict):
        return Row(number, {}, text, f"is a JSON {type(record).__name__}, not an object")
    # Decoded UTF-8 without NUL is clean, unless an escape brings in what the bytes could not.
    return Row(number, _taken_apart(record), text, is_clean="\\u" not in text)


def _taken_apart(record: dict[str, Any]) -> dict[str, Any]:
    properties = record.get("properties")
    if not isinstance(properties, dict):
        return record
    return {**properties, **{key: value for key, value in record.items() if key != "properties"}}


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")
