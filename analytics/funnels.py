"""What a funnel is: named steps in an order, a window, and the dimensions one may break it down by.

`definitions.py` stores definitions, `queries.py` counts them, `views.py` shapes the answer. The body of a
definition is JSON (`to_json`, `from_json`); a field that cannot be used is named in the error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from analytics.errors import InvalidFunnel, listed, nearest

MAX_STEPS = 32
MAX_EVENTS_PER_STEP = 50
MAX_WINDOW_SECONDS = 10 * 365 * 86400
MAX_BANDS = 50
DEFAULT_WINDOW_SECONDS = 14 * 86400
ORDERS = ("ordered",)


@dataclass(frozen=True, slots=True)
class Condition:
    """An event counts for a step only when its property has this value, compared as text."""

    property: str
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    events: tuple[str, ...]  #: any one of these names is this step
    label: str  #: what people read
    where: tuple[Condition, ...] = ()  #: all must hold


@dataclass(frozen=True, slots=True)
class Dimension:
    """A property of the session to filter or break down by: its first non-empty value in the session.

    With `bands`, a number is shown as the band it falls into: (5000, 10000) makes "under 5,000",
    "5,000 to under 10,000" and "10,000 and more". What is no number then counts as missing.
    """

    property: str
    label: str
    bands: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class FunnelDefinition:
    """Checked on construction: raises InvalidFunnel naming the field, what is wrong and what is allowed."""

    name: str  #: the key it is saved under, and what `--name` takes
    steps: tuple[Step, ...]
    title: str = ""
    window_seconds: int = DEFAULT_WINDOW_SECONDS  #: from entry to the last step, inclusive
    order: str = "ordered"
    dimensions: tuple[Dimension, ...] = ()  #: offered first, with their labels and bands

    def __post_init__(self) -> None:
        _check_text("name", self.name)
        _check_steps(self.steps)
        if not 0 < self.window_seconds <= MAX_WINDOW_SECONDS:
            raise InvalidFunnel(
                "window_seconds", f"{self.window_seconds} is not between 1 and {MAX_WINDOW_SECONDS}"
            )
        if self.order not in ORDERS:
            raise InvalidFunnel(
                "order",
                f"{self.order!r} is not known{nearest(self.order, ORDERS)}; {listed('allowed', ORDERS)}",
            )
        for dimension in self.dimensions:
            _check_dimension(dimension)

    def dimension(self, name: str) -> Dimension:
        """The declared dimension of this property, or a plain one."""
        declared = {dimension.property: dimension for dimension in self.dimensions}
        return declared.get(name) or Dimension(name, name)

    @classmethod
    def parse(
        cls,
        steps: str,
        *,
        name: str = "funnel",
        window_seconds: int = DEFAULT_WINDOW_SECONDS,
        order: str = "ordered",
    ) -> Self:
        """From the command line's short form: `A,B|C,D` is A, then B or C, then D."""
        return cls(
            name=name,
            steps=tuple(_parsed_step(text) for text in steps.split(",")),
            window_seconds=window_seconds,
            order=order,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "window_seconds": self.window_seconds,
            "order": self.order,
            "steps": [
                {
                    "events": list(step.events),
                    "label": step.label,
                    "where": {condition.property: condition.value for condition in step.where},
                }
                for step in self.steps
            ],
            "dimensions": [
                {"property": dimension.property, "label": dimension.label, "bands": list(dimension.bands)}
                for dimension in self.dimensions
            ],
        }

    @classmethod
    def from_json(cls, body: object) -> Self:
        """The definition that `to_json` wrote, or that a person typed. Raises InvalidFunnel."""
        fields = _object(
            "definition", body, {"name", "title", "window_seconds", "order", "steps", "dimensions"}
        )
        window = fields.get("window_seconds", DEFAULT_WINDOW_SECONDS)
        if not isinstance(window, int) or isinstance(window, bool):
            raise InvalidFunnel("window_seconds", f"{window!r} is not a whole number of seconds")
        return cls(
            name=_text("name", fields.get("name")),
            title=_text("title", fields.get("title", "")),
            window_seconds=window,
            order=_text("order", fields.get("order", "ordered")),
            steps=tuple(
                _step(f"steps[{at}]", body) for at, body in enumerate(_array("steps", fields.get("steps")))
            ),
            dimensions=tuple(
                _dimension(f"dimensions[{at}]", body)
                for at, body in enumerate(_array("dimensions", fields.get("dimensions", [])))
            ),
        )


def _check_steps(steps: Sequence[Step]) -> None:
    if not 2 <= len(steps) <= MAX_STEPS:
        raise InvalidFunnel("steps", f"there are {len(steps)}; a funnel has 2 to {MAX_STEPS} steps")
    for at, step in enumerate(steps):
        if not 1 <= len(step.events) <= MAX_EVENTS_PER_STEP:
            raise InvalidFunnel(
                f"steps[{at}].events", f"there are {len(step.events)}; 1 to {MAX_EVENTS_PER_STEP} are allowed"
            )
        for event in step.events:
            _check_text(f"steps[{at}].events", event)


def _check_dimension(dimension: Dimension) -> None:
    _check_text("dimensions.property", dimension.property)
    if len(dimension.bands) > MAX_BANDS:
        raise InvalidFunnel(
            "dimensions.bands", f"there are {len(dimension.bands)}; at most {MAX_BANDS} are allowed"
        )
    if list(dimension.bands) != sorted(set(dimension.bands)):
        raise InvalidFunnel("dimensions.bands", "must be rising numbers, each once")


def _check_text(field: str, text: str) -> None:
    if not text.strip():
        raise InvalidFunnel(field, "is empty")
    if len(text) > 256 or "\0" in text:
        raise InvalidFunnel(field, "must be at most 256 characters, without NUL")


def _parsed_step(text: str) -> Step:
    events = tuple(name.strip() for name in text.split("|"))
    return Step(events, label=" or ".join(events))


def _object(field: str, body: object, allowed: set[str]) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise InvalidFunnel(field, f"is {type(body).__name__}, but must be an object")
    for key in body:
        if key not in allowed:
            raise InvalidFunnel(
                f"{field}.{key}",
                f"is not known{nearest(str(key), allowed)}; {listed('allowed', sorted(allowed))}",
            )
    return body


def _array(field: str, body: object) -> Sequence[Any]:
    if not isinstance(body, list | tuple):
        raise InvalidFunnel(field, "is missing" if body is None else f"{body!r} is not a list")
    return body


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidFunnel(field, "is missing" if value is None else f"{value!r} is not text")
    return value


def _step(field: str, body: object) -> Step:
    fields = _object(field, body, {"events", "label", "where"})
    events = tuple(_text(f"{field}.events", name) for name in _array(f"{field}.events", fields.get("events")))
    where = _object(f"{field}.where", fields.get("where", {}), set(fields.get("where", {})))
    return Step(
        events=events,
        label=_text(f"{field}.label", fields.get("label", " or ".join(events))),
        where=tuple(Condition(key, _text(f"{field}.where.{key}", value)) for key, value in where.items()),
    )


def _dimension(field: str, body: object) -> Dimension:
    fields = _object(field, body, {"property", "label", "bands"})
    name = _text(f"{field}.property", fields.get("property"))
    bands = _array(f"{field}.bands", fields.get("bands", []))
    if any(not isinstance(edge, int | float) or isinstance(edge, bool) for edge in bands):
        raise InvalidFunnel(f"{field}.bands", f"{bands!r} are not all numbers")
    return Dimension(name, _text(f"{field}.label", fields.get("label", name)), tuple(bands))
