"""Which letters a link asks for: a filter as the parameters of an address, and back.

The parameters bear the names of the fields of LetterFilter; what narrows nothing is left out. States,
kinds and clients may be given several times, moments are ISO 8601. Parameters of other names are ignored.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from dlq.errors import BadFilter
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter

Pairs = list[tuple[str, str]]
TEXT_FIELDS = tuple(name for name in LetterFilter.__slots__ if isinstance(getattr(LetterFilter(), name), str))
_MOMENTS = ("failed_from", "failed_to")
#: Whole numbers, with the most digits that they are compared in.
_NUMBERS = {"operation_id": 18, "priority": 9}

Word = TypeVar("Word", bound=StrEnum)


def to_pairs(narrowed: LetterFilter) -> Pairs:
    listed = [("status", status.value) for status in narrowed.status]
    listed += [("kind", kind.value) for kind in narrowed.kind]
    texts = [(name, getattr(narrowed, name)) for name in TEXT_FIELDS]
    numbers = [(name, getattr(narrowed, name)) for name in _NUMBERS]
    listed += [("clients", client) for client in narrowed.clients or ()]
    moments = [(name, getattr(narrowed, name)) for name in _MOMENTS]
    return [
        *listed,
        *((name, text) for name, text in texts if text),
        *((name, str(number)) for name, number in numbers if number is not None),
        *((name, moment.isoformat()) for name, moment in moments if moment is not None),
    ]


def from_pairs(pairs: Iterable[tuple[str, str]]) -> LetterFilter:
    """What `to_pairs` wrote. Raises BadFilter naming the parameter."""
    given: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        given[name].append(value)
    fields: dict[str, Any] = {name: given[name][-1].strip() for name in TEXT_FIELDS if given[name]}
    fields |= {name: _moment(name, given[name][-1]) for name in _MOMENTS if given[name]}
    fields |= {name: _number(name, given[name][-1]) for name in _NUMBERS if given[name]}
    return LetterFilter(
        status=tuple(_word(Status, "status", value) for value in given["status"]),
        kind=tuple(_word(Kind, "kind", value) for value in given["kind"]),
        clients=tuple(given["clients"]) or None,
        **fields,
    )


def _word(words: type[Word], name: str, value: str) -> Word:
    try:
        return words(value)
    except ValueError:
        raise BadFilter(name, value, f"one of {', '.join(words)}") from None


def _number(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > _NUMBERS[name]:
        raise BadFilter(name, value, "a whole number")
    return int(value)


def _moment(name: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadFilter(name, value, "a moment such as 2026-03-01T12:00:00+00:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
