"""How the command line answers: tables for people, JSON for programs, both through one door."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

_CELL_CHARACTERS = 48


def say(line: str, to: TextIO | None = None) -> None:
    """Write a line to stdout, or elsewhere."""
    (to or sys.stdout).write(line + "\n")


def warn(lines: Iterable[str]) -> None:
    for line in lines:
        say(f"warning: {line}", to=sys.stderr)


def say_json(value: Any) -> None:
    """Write one line of JSON; records become objects, times ISO 8601 in UTC."""
    say(_json(value))


def say_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    cells = [list(columns), *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    for line in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def say_pairs(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        say(f"{name}: {value if isinstance(value, str) else _json(value)}")


def flat(record: Any) -> dict[str, Any]:
    """A record as a mapping."""
    return asdict(record)


def _json(value: Any) -> str:
    tree = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return json.dumps(tree, default=_plain, ensure_ascii=False)


def _cell(value: Any) -> str:
    text = "" if value is None else _plain(value)
    return " ".join(text.split())[:_CELL_CHARACTERS]


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return str(value)
