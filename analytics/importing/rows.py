"""A row becomes an event, or is refused with a reason. Columns that are not mapped become properties."""

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring as _quoted
from typing import Self
from uuid import UUID

from analytics.errors import InvalidEvent, SourceUnusable, listed, nearest
from analytics.events import (
    MAX_ID_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_PROPERTIES,
    checked_properties,
    checked_text,
    checked_time,
)
from analytics.importing.source import Row

REQUIRED = ("session_id", "name", "occurred_at")
FIELDS = (*REQUIRED, "client_id", "user_id")
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NEEDS_ESCAPE = re.compile(r"[\\\n\r]").search
#: Thirteen digits may also be read as a day, any one character and a time of day: milliseconds are meant.
_is_epoch = re.compile(r"\d{9,}(\.\d*)?").fullmatch
_FIRST_SECOND, _FIRST_MILLISECOND, _PAST_MILLISECOND = 10**8, 10**11, 10**14


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column holds which field. A field that is not named is looked for under its own name."""

    named: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `session_id=case_id,name=event,occurred_at=timestamp`. Raises SourceUnusable."""
        named: dict[str, str] = {}
        for pair in filter(None, text.split(",")):
            field, equals, column = (part.strip() for part in pair.partition("="))
            if not equals or not column:
                raise SourceUnusable(f"--map {pair!r} must be written field=column")
            if field not in FIELDS:
                raise SourceUnusable(
                    f"--map names the unknown field {field!r}{nearest(field, FIELDS)}; "
                    f"{listed('fields', FIELDS)}"
                )
            named[field] = column
        return cls(named)

    def columns(self, available: list[str] | None) -> dict[str, str]:
        """Field to column. Raises SourceUnusable when a needed or named column is not `available`."""
        found = {field: self.named.get(field, field) for field in FIELDS}
        if available is None:
            return found
        missing = [
            field
            for field, column in found.items()
            if column not in available and (field in REQUIRED or field in self.named)
        ]
        if missing:
            named = ", ".join(f"{found[field]!r} for {field}" for field in missing)
            near = nearest(found[missing[0]], available) if len(missing) == 1 else ""
            raise SourceUnusable(
                f"there is no column {named}{near}; {listed('columns', available)}; "
                f"say which with --map {','.join(f'{field}=COLUMN' for field in missing)}"
            )
        return {field: column for field, column in found.items() if column in available}


class EventMaker:
    """Makes events of the rows of one source, as lines of PostgreSQL's COPY text.

    A line holds the content's hash (as a UUID; equal events have the same), then the columns of COLUMNS.
    Nothing stored is empty, so an empty field is NULL.
    """

    COLUMNS = ("session_id", "name", "occurred_at", "client_id", "user_id", "properties")

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._session, self._name, self._time = (columns[field] for field in REQUIRED)
        self._client, self._user = columns.get("client_id", ""), columns.get("user_id", "")
        self._mapped = frozenset(columns.values())

    def copy_line(self, row: Row) -> str:
        """Raises InvalidEvent naming the field and what is wrong."""
        values = row.values
        session_id = _identifier("session_id", values.get(self._session), MAX_ID_CHARACTERS)
        name = _identifier("name", values.get(self._name), MAX_NAME_CHARACTERS)
        if not session_id or not name:
            raise InvalidEvent("name" if session_id else "session_id", "is missing")
        fields = (
            session_id,
            name,
            parsed_time(values.get(self._time)).isoformat(),
            _identifier("client_id", values.get(self._client), MAX_ID_CHARACTERS),
            _identifier("user_id", values.get(self._user), MAX_ID_CHARACTERS),
            self._properties(row),
        )
        content = "\t".join(fields)
        if _NEEDS_ESCAPE(content) or content.count("\t") >= len(fields):
            content = "\t".join(field.translate(_ESCAPES) for field in fields)
        return f"{blake2b(content.encode(), digest_size=16).hexdigest()}\t{content}\n"

    def _properties(self, row: Row) -> str:
        properties = {
            key: value if type(value) is str else _json_value(value)
            for key, value in row.values.items()
            if value is not None and value != "" and key not in self._mapped
        }
        if not properties:
            return ""
        try:
            if not row.is_clean or len(properties) > MAX_PROPERTIES:
                checked_properties(properties)
            return canonical_json(properties)
        except RecursionError:
            raise InvalidEvent("properties", "are nested too deeply") from None
        except ValueError as error:
            raise InvalidEvent("properties", f"are not JSON: {error}") from None


def canonical_json(properties: Mapping[str, object]) -> str:
    """The same text for equal properties, whatever their order."""
    members = [
        f"{_quoted(key)}:{_quoted(value) if type(value) is str else _encode(value)}"
        for key, value in sorted(properties.items())
    ]
    return "{" + ",".join(members) + "}"


def parsed_time(value: object) -> dt.datetime:
    """ISO 8601 with any offset, naive as UTC, or epoch seconds or milliseconds. Raises InvalidEvent."""
    if value is None or value == "":
        raise InvalidEvent("occurred_at", "is missing")
    if isinstance(value, dt.datetime):
        return checked_time(value)
    if isinstance(value, dt.date):
        return checked_time(dt.datetime.combine(value, dt.time()))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _of_epoch(float(value), value)
    if isinstance(value, str):
        return _of_text(value.strip())
    raise InvalidEvent("occurred_at", f"{value!r} is not a time")


def _of_text(text: str) -> dt.datetime:
    if _is_epoch(text):
        return _of_epoch(float(text), text)
    try:
        return checked_time(dt.datetime.fromisoformat(text.removesuffix(" UTC")))
    except (ValueError, OverflowError):
        pass
    try:
        number = float(text)
    except ValueError:
        raise InvalidEvent(
            "occurred_at", f"{text[:60]!r} is not a time; write it as 2024-01-31T18:00:00Z"
        ) from None
    return _of_epoch(number, text)


def _of_epoch(number: float, shown: object) -> dt.datetime:
    if _FIRST_SECOND <= number < _FIRST_MILLISECOND:
        micros = round(number * 1_000_000)
    elif _FIRST_MILLISECOND <= number < _PAST_MILLISECOND:
        micros = round(number * 1000)
    else:
        raise InvalidEvent(
            "occurred_at", f"{str(shown)[:60]!r} is neither seconds nor milliseconds since 1970"
        )
    try:
        return checked_time(dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros))
    except OverflowError:
        raise InvalidEvent("occurred_at", f"{str(shown)[:60]!r} is too far away") from None


def _identifier(field: str, value: object, most: int) -> str:
    """The text of an identifier, "" when there is none."""
    if value is None or value == "":
        return ""
    if type(value) is str:
        return _checked_identifier(field, value, most)
    if isinstance(value, str | int | UUID | Decimal) and not isinstance(value, bool):
        return _checked_identifier(field, str(value), most)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise InvalidEvent(field, f"is {value!r}, not text or a whole number")


@lru_cache(maxsize=4096)
def _checked_identifier(field: str, text: str, most: int) -> str:
    # Names repeat all through a log, and the rows of a session often lie together.
    return checked_text(field, text.strip(), most)


def _json_value(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID | dt.timedelta):
        return str(value)
    return value
