"""A funnel definition as JSON: what is stored, sent over REST, and typed into a file.

A condition may be short, `{"plan": "pro"}` or `{"plan": ["pro", "team"]}`, or say its operator,
`{"amount": {"op": "at_least", "value": 500}}`; several conditions on one property are a list of these. A step
of any event has `"events": null`. What cannot be used is named by its field.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from analytics.conditions import OPERATORS, Condition
from analytics.errors import InvalidFunnel, listed, nearest
from analytics.funnels import (
    DEFAULT_WINDOW_SECONDS,
    Dimension,
    Exclusion,
    FunnelDefinition,
    Step,
    events_label,
)


def to_json(definition: FunnelDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "title": definition.title,
        "window_seconds": definition.window_seconds,
        "order": definition.order,
        "steps": [
            {
                "events": list(step.events) or None,
                "label": step.label,
                "where": conditions_to_json(step.where),
                "optional": step.optional,
            }
            for step in definition.steps
        ],
        "exclusions": [
            {
                "events": list(exclusion.events),
                "from": exclusion.from_step,
                "to": exclusion.to_step,
                "where": conditions_to_json(exclusion.where),
            }
            for exclusion in definition.exclusions
        ],
        "dimensions": [
            {"property": dimension.property, "label": dimension.label, "bands": list(dimension.bands)}
            for dimension in definition.dimensions
        ],
    }


def from_json(body: object) -> FunnelDefinition:
    """The definition that `to_json` wrote, or that a person typed. Raises InvalidFunnel."""
    fields = _object("definition", body, _FIELDS)
    return FunnelDefinition(
        name=_text("name", fields.get("name")),
        title=_text("title", fields.get("title", "")),
        window_seconds=_whole("window_seconds", fields.get("window_seconds", DEFAULT_WINDOW_SECONDS)),
        order=_text("order", fields.get("order", "ordered")),
        steps=_each("steps", fields.get("steps"), _step),
        exclusions=_each("exclusions", fields.get("exclusions", []), _exclusion),
        dimensions=_each("dimensions", fields.get("dimensions", []), _dimension),
    )


def conditions_to_json(conditions: Iterable[Condition]) -> dict[str, Any]:
    """By property; always in the long form."""
    body: dict[str, Any] = {}
    for condition in conditions:
        body.setdefault(condition.property, []).append(_condition_to_json(condition))
    return body


def conditions_from_json(field: str, body: object) -> tuple[Condition, ...]:
    """Raises InvalidFunnel naming the property under `field`."""
    if not isinstance(body, Mapping):
        raise InvalidFunnel(field, f"is {type(body).__name__}, but must be an object")
    return tuple(
        _condition(f"{field}.{name}", _text(field, name), one)
        for name, given in body.items()
        for one in _conditions_of(given)
    )


_Part = TypeVar("_Part")
_FIELDS = {"name", "title", "window_seconds", "order", "steps", "exclusions", "dimensions"}


def _step(field: str, body: object) -> Step:
    fields = _object(field, body, {"events", "label", "where", "optional"})
    events = _events_of_step(f"{field}.events", fields)
    optional = fields.get("optional", False)
    if not isinstance(optional, bool):
        raise InvalidFunnel(f"{field}.optional", f"{optional!r} is not true or false")
    return Step(
        events=events,
        label=_text(f"{field}.label", fields.get("label") or events_label(events)),
        where=conditions_from_json(f"{field}.where", fields.get("where", {})),
        optional=optional,
    )


def _events_of_step(field: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Empty for any event, which is said by null; an empty list is more likely forgotten."""
    if "events" in fields and fields["events"] is None:
        return ()
    events = _names(field, fields.get("events"))
    if not events:
        raise InvalidFunnel(field, "names no event; give some, or say that any event counts")
    return events


def _exclusion(field: str, body: object) -> Exclusion:
    fields = _object(field, body, {"events", "from", "to", "where"})
    return Exclusion(
        events=_names(f"{field}.events", fields.get("events")),
        from_step=_whole(f"{field}.from", fields.get("from")),
        to_step=_whole(f"{field}.to", fields.get("to")),
        where=conditions_from_json(f"{field}.where", fields.get("where", {})),
    )


def _dimension(field: str, body: object) -> Dimension:
    fields = _object(field, body, {"property", "label", "bands"})
    name = _text(f"{field}.property", fields.get("property"))
    bands = _array(f"{field}.bands", fields.get("bands", []))
    if any(not isinstance(edge, int | float) or isinstance(edge, bool) for edge in bands):
        raise InvalidFunnel(f"{field}.bands", f"{bands!r} are not all numbers")
    return Dimension(name, _text(f"{field}.label", fields.get("label", name)), tuple(bands))


def _condition_to_json(condition: Condition) -> dict[str, Any]:
    takes = OPERATORS[condition.operator].takes
    if takes == 0:
        return {"op": condition.operator}
    return {"op": condition.operator, "value": condition.values[0] if takes else list(condition.values)}


def _conditions_of(given: object) -> list[object]:
    """A list of plain values is one condition, any of them; a list of objects is several."""
    if not isinstance(given, list):
        return [given]
    return given if any(isinstance(one, Mapping) for one in given) else [{"op": "in", "value": given}]


def _condition(field: str, name: str, body: object) -> Condition:
    operator, value = "equals", body
    if isinstance(body, Mapping):
        fields = _object(field, body, {"op", "value"})
        operator, value = _text(f"{field}.op", fields.get("op")), fields.get("value", [])
    values = value if isinstance(value, list) else [value]
    try:
        return Condition(name, operator, tuple(_value(f"{field}.value", one) for one in values))
    except InvalidFunnel as error:
        raise InvalidFunnel(field, error.problem) from None


def _value(field: str, value: object) -> str:
    """As PostgreSQL's `->>` writes it, which is what the columns hold."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidFunnel(field, f"{value!r} is not text, a number, true or false")


def _names(field: str, body: object) -> tuple[str, ...]:
    return tuple(_text(field, name) for name in _array(field, body))


def _each(field: str, body: object, of: Callable[[str, object], _Part]) -> tuple[_Part, ...]:
    return tuple(of(f"{field}[{at}]", one) for at, one in enumerate(_array(field, body)))


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


def _whole(field: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidFunnel(field, "is missing" if value is None else f"{value!r} is not a whole number")
    return value


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidFunnel(field, "is missing" if value is None else f"{value!r} is not text")
    return value
