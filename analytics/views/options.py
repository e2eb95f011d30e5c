"""What each kind of view is asked besides the question, read from an address or a command line."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analytics.errors import InvalidQuery, listed, nearest


@dataclass(frozen=True, slots=True)
class Option:
    read: Callable[[str], Any]
    meaning: str


OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "cohorts": {
        "dimension": Option(
            str, "property whose values are compared, or entry_week; the funnel's first unless given"
        ),
        "reference": Option(str, "value to compare the others with; all others together unless given"),
    },
    "comparison": {
        "first": Option(dt.date.fromisoformat, "first day of the earlier period; just before the other"),
        "last": Option(dt.date.fromisoformat, "its last day, included"),
    },
    "trend": {"per": Option(str, "day, week or month")},
    "time_to_convert": {
        "from_step": Option(int, "step that the time begins at, numbered from 0"),
        "to_step": Option(int, "step that it ends at"),
    },
    "correlation": {"kind": Option(str, "properties or events")},
    "recommendations": {"priority": Option(str, "only those of this priority: critical, high, medium, low")},
}


def options_of(kind: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The options of a kind. Raises InvalidQuery naming one that is unknown or unreadable."""
    known = OPTIONS.get(kind, {})
    for name in given:
        if name not in known:
            hint = f"{nearest(name, known)}; {listed('options', known)}"
            raise InvalidQuery(name, f"is no option of {kind}{hint}")
    return {name: _read(name, text, known[name]) for name, text in given.items()}


def _read(name: str, text: str, option: Option) -> Any:
    try:
        return option.read(text)
    except ValueError:
        raise InvalidQuery(name, f"{text!r} cannot be read") from None
