"""Frozen records to plain JSON values and back, days and moments as ISO 8601."""

import datetime as dt
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_Record = TypeVar("_Record")
#: Reading the hints of a class costs more than making a record of it.
_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return value


def shape(hint: Any) -> Any:
    """The fields of a record and of those inside it with their types, as plain JSON values."""
    if is_dataclass(hint):
        return {name: shape(inner) for name, inner in get_type_hints(hint).items()}
    return [shape(inner) for inner in get_args(hint)] or str(hint)


def restored(record: type[_Record], body: Mapping[str, Any]) -> _Record:
    """The record that `plain` took apart. Raises KeyError or TypeError when `body` is not of its shape."""
    hints = _hints(record)
    return record(**{name: _restored(hint, body[name]) for name, hint in hints.items()})


def _restored(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) is types.UnionType:
        (hint,) = (option for option in get_args(hint) if option is not types.NoneType)
    if get_origin(hint) is tuple:
        return tuple(_restored(get_args(hint)[0], inner) for inner in value)
    if is_dataclass(hint) and isinstance(hint, type):
        return restored(hint, value)
    if isinstance(hint, type) and issubclass(hint, dt.date):
        return hint.fromisoformat(value)
    return value
