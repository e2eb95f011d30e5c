"""What must hold of an event's property for the event to count. Values are text; `""` is a missing one.

Conditions are asked of the distinct values of a column, never of every event, so they may be plain Python.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analytics.errors import InvalidFunnel, listed, nearest

MAX_VALUES = 200
MAX_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Condition:
    """Checked on construction: raises InvalidFunnel naming the part that cannot be used."""

    property: str
    operator: str = "equals"  #: one of OPERATORS
    values: tuple[str, ...] = ()  #: as many as the operator takes

    def __post_init__(self) -> None:
        check_text("property", self.property)
        if self.operator not in OPERATORS:
            hint = f"{nearest(self.operator, OPERATORS)}; {listed('allowed', OPERATORS)}"
            raise InvalidFunnel("operator", f"{self.operator!r} is not known{hint}")
        takes = OPERATORS[self.operator].takes
        if takes is not None and len(self.values) != takes:
            wanted = "1 value" if takes else "no value"
            raise InvalidFunnel("value", f"{self.operator} takes {wanted}, not {len(self.values)}")
        if takes is None and not 1 <= len(self.values) <= MAX_VALUES:
            raise InvalidFunnel("value", f"{self.operator} takes 1 to {MAX_VALUES} values")
        if OPERATORS[self.operator].numeric and number(self.values[0]) is None:
            raise InvalidFunnel(
                "value", f"{self.values[0]!r} is no number, but {self.operator} compares numbers"
            )

    def holds(self, value: str) -> bool:
        """Whether an event whose property has this value passes."""
        return OPERATORS[self.operator].holds(value, self.values)

    def __str__(self) -> str:
        """As people say it: `plan is pro or team`, `amount is at least 500`, `email is set`."""
        return f"{self.property} {OPERATORS[self.operator].words} {' or '.join(self.values)}".strip()


@dataclass(frozen=True, slots=True)
class Operator:
    words: str  #: between property and value
    takes: int | None  #: how many values; None is one or more
    holds: Callable[[str, tuple[str, ...]], bool]
    numeric: bool = False


def number(value: str) -> float | None:
    """The number that a value says, None when it says none."""
    try:
        found = float(value)
    except ValueError:
        return None
    return None if math.isnan(found) else found


def _contains(value: str, wanted: tuple[str, ...]) -> bool:
    return wanted[0].casefold() in value.casefold()


def _compares(holds: Callable[[float, float], bool]) -> Callable[[str, tuple[str, ...]], bool]:
    def compared(value: str, wanted: tuple[str, ...]) -> bool:
        left, right = number(value), number(wanted[0])
        return left is not None and right is not None and holds(left, right)

    return compared


#: Those that deny hold for a missing value; those that compare numbers fail for what is no number.
OPERATORS: Mapping[str, Operator] = {
    "equals": Operator("is", 1, lambda value, wanted: value == wanted[0]),
    "not_equals": Operator("is not", 1, lambda value, wanted: value != wanted[0]),
    "in": Operator("is", None, lambda value, wanted: value in wanted),
    "not_in": Operator("is not", None, lambda value, wanted: value not in wanted),
    "contains": Operator("contains", 1, _contains),
    "not_contains": Operator("does not contain", 1, lambda value, wanted: not _contains(value, wanted)),
    "is_set": Operator("is set", 0, lambda value, _: value != ""),
    "is_not_set": Operator("is not set", 0, lambda value, _: value == ""),
    "greater": Operator("is more than", 1, _compares(lambda left, right: left > right), numeric=True),
    "at_least": Operator("is at least", 1, _compares(lambda left, right: left >= right), numeric=True),
    "less": Operator("is less than", 1, _compares(lambda left, right: left < right), numeric=True),
    "at_most": Operator("is at most", 1, _compares(lambda left, right: left <= right), numeric=True),
}


def check_text(field: str, text: str) -> None:
    if not text.strip():
        raise InvalidFunnel(field, "is empty")
    if len(text) > MAX_CHARACTERS or "\0" in text:
        raise InvalidFunnel(field, f"must be at most {MAX_CHARACTERS} characters, without NUL")
