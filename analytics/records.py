"""Frozen records to plain JSON values and back, days and moments as ISO 8601."""

import datetime as dt
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_Record = TypeVar("_Record")
_Making = Callable[[Any], Any]


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
    made: _Record = _of_record(record)(body)  # type: ignore[arg-type]  # a class is hashable
    return made


@cache
def _of_record(record: Any) -> _Making:
    # Done once for each: reading the hints of a class costs more than making a record of it.
    hints = get_type_hints(record)
    parts = [(field.name, _making(hints[field.name])) for field in fields(record)]

    def make(body: Mapping[str, Any]) -> Any:
        return record(
            *[body[name] if part is None or body[name] is None else part(body[name]) for name, part in parts]
        )

    return make


@cache
def _making(hint: Any) -> _Making | None:
    """What makes such a value of its plain JSON; None where that is the value itself."""
    if get_origin(hint) is types.UnionType:
        (hint,) = (option for option in get_args(hint) if option is not types.NoneType)
    if get_origin(hint) is tuple:
        part = _making(get_args(hint)[0])
        return tuple if part is None else lambda values: tuple([part(value) for value in values])
    if is_dataclass(hint):
        return _of_record(hint)  # type: ignore[arg-type]  # a class is hashable
    if isinstance(hint, type) and issubclass(hint, dt.date):
        return hint.fromisoformat
    return None
