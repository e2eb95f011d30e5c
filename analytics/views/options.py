"""What each kind of view is asked besides the question, read from an address or a command line."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from analytics.errors import InvalidQuery, listed, nearest

_READERS: Mapping[str, Mapping[str, Callable[[str], Any]]] = {
    "cohorts": {"dimension": str, "reference": str},
    "comparison": {"first": dt.date.fromisoformat, "last": dt.date.fromisoformat},
    "trend": {"per": str},
    "time_to_convert": {"from_step": int, "to_step": int},
    "correlation": {"kind": str},
    "recommendations": {"priority": str},
}
_REQUIRED = {"cohorts": ("dimension",)}


def options_of(kind: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The options of a kind. Raises InvalidQuery naming one that is unknown, missing or unreadable."""
    readers = _READERS.get(kind, {})
    for name in given:
        if name not in readers:
            hint = f"{nearest(name, readers)}; {listed('options', readers)}"
            raise InvalidQuery(name, f"is no option of {kind}{hint}")
    for name in _REQUIRED.get(kind, ()):
        if not given.get(name):
            raise InvalidQuery(name, f"is missing; {kind} needs one")
    return {name: _read(name, text, readers[name]) for name, text in given.items()}


def names_of(kind: str) -> tuple[str, ...]:
    return tuple(_READERS.get(kind, ()))


def _read(name: str, text: str, reader: Callable[[str], Any]) -> Any:
    try:
        return reader(text)
    except ValueError:
        raise InvalidQuery(name, f"{text!r} cannot be read") from None
