"""A funnel definition while a person edits it: perhaps not valid yet, its rows known by keys as they move.

A draft never changes; each edit gives the next one. `check` says what is wrong and where.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self, TypeVar
from uuid import uuid4

from analytics.conditions import OPERATORS, Condition, number
from analytics.definition_json import from_json, to_json
from analytics.errors import InvalidFunnel
from analytics.funnels import (
    DEFAULT_WINDOW_SECONDS,
    Dimension,
    Exclusion,
    FunnelDefinition,
    Step,
    events_label,
)

UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def _key() -> str:
    return uuid4().hex[:12]


@dataclass(frozen=True, slots=True)
class DraftCondition:
    property: str = ""
    operator: str = "equals"
    values: tuple[str, ...] = ()
    key: str = field(default_factory=_key)

    @classmethod
    def of(cls, condition: Condition) -> Self:
        return cls(condition.property, condition.operator, condition.values)


@dataclass(frozen=True, slots=True)
class DraftStep:
    events: tuple[str, ...] = ()
    is_any_event: bool = False
    label: str = ""  #: empty: the events say it
    is_optional: bool = False
    where: tuple[DraftCondition, ...] = ()
    key: str = field(default_factory=_key)

    @classmethod
    def of(cls, step: Step) -> Self:
        label = "" if step.label == events_label(step.events) else step.label
        where = tuple(map(DraftCondition.of, step.where))
        return cls(step.events, not step.events, label, step.optional, where)

    @property
    def name(self) -> str:
        """What people read, also while there is nothing to read yet."""
        return self.label or (
            events_label(self.events) if self.events or self.is_any_event else "no event yet"
        )


@dataclass(frozen=True, slots=True)
class DraftExclusion:
    """Between two steps, by their keys, so that it stays with them when they move."""

    from_step: str
    to_step: str
    events: tuple[str, ...] = ()
    where: tuple[DraftCondition, ...] = ()
    key: str = field(default_factory=_key)


@dataclass(frozen=True, slots=True)
class DraftDimension:
    property: str = ""
    label: str = ""  #: empty: the property's name
    bands: str = ""  #: numbers, separated by commas
    key: str = field(default_factory=_key)

    @classmethod
    def of(cls, dimension: Dimension) -> Self:
        label = "" if dimension.label == dimension.property else dimension.label
        return cls(dimension.property, label, ", ".join(f"{edge:.15g}" for edge in dimension.bands))


class _Row(Protocol):
    @property
    def key(self) -> str: ...


_Kind = TypeVar("_Kind", bound=_Row)


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that keeps a draft from being a definition."""

    field: str  #: as InvalidFunnel names it: `steps[1].events`
    text: str

    @property
    def place(self) -> str:
        """Where it is, as people find it: `Step 2`, `Window`."""
        part = re.match(r"(step|exclusion|dimension)s\[(\d+)\]", self.field)
        if part:
            return f"{part[1].capitalize()} {int(part[2]) + 1}"
        return self.field.removesuffix("_seconds").capitalize()

    def is_of(self, field: str) -> bool:
        """Whether it belongs to the part at `field`: `steps[1]` has `steps[1].events`, not `steps[10]`."""
        return self.field == field or self.field.startswith((f"{field}.", f"{field}["))


@dataclass(frozen=True, slots=True)
class Draft:
    base_version: int = 0  #: the version it started from; 0 for a new funnel
    base_name: str = ""  #: the name of that version, which stays
    title: str = ""
    typed_name: str = ""  #: empty: made from the title
    order: str = "ordered"
    window: int = DEFAULT_WINDOW_SECONDS // UNITS["days"]
    window_unit: str = "days"
    steps: tuple[DraftStep, ...] = field(default_factory=lambda: (DraftStep(), DraftStep()))
    exclusions: tuple[DraftExclusion, ...] = ()
    dimensions: tuple[DraftDimension, ...] = ()
    key: str = field(default_factory=_key)  #: another one for every beginning: new, loaded, discarded, pasted

    @classmethod
    def of(cls, definition: FunnelDefinition, base_version: int = 0) -> Self:
        """The draft that says the same; `base_version` 0 makes it a new funnel's."""
        window, unit = _window_of(definition.window_seconds)
        steps = tuple(map(DraftStep.of, definition.steps))
        return cls(
            base_version=base_version,
            base_name=definition.name if base_version else "",
            title=definition.title,
            typed_name=""
            if base_version or definition.name == name_of(definition.title)
            else definition.name,
            order=definition.order,
            window=window,
            window_unit=unit,
            steps=steps,
            exclusions=tuple(_exclusion_of(exclusion, steps) for exclusion in definition.exclusions),
            dimensions=tuple(map(DraftDimension.of, definition.dimensions)),
        )

    @classmethod
    def copy_of(cls, definition: FunnelDefinition) -> Self:
        """A new funnel that counts the same, under another title and name."""
        title = f"Copy of {definition.title or definition.name}"
        return replace(cls.of(definition), title=title, typed_name="")

    @property
    def name(self) -> str:
        return self.base_name or self.typed_name.strip() or name_of(self.title)

    @property
    def window_seconds(self) -> int:
        return self.window * UNITS[self.window_unit]

    def body(self) -> dict[str, Any]:
        """As JSON in the form of `definition_json`, valid or not."""
        at = {step.key: number for number, step in enumerate(self.steps)}
        return {
            "name": self.name,
            "title": self.title,
            "window_seconds": self.window_seconds,
            "order": self.order,
            "steps": [_step_body(step) for step in self.steps],
            "exclusions": [
                {
                    "events": list(exclusion.events),
                    "from": at.get(exclusion.from_step),
                    "to": at.get(exclusion.to_step),
                    "where": _where_body(exclusion.where),
                }
                for exclusion in self.exclusions
            ],
            "dimensions": [_dimension_body(dimension) for dimension in self.dimensions],
        }

    def definition(self) -> FunnelDefinition:
        """Raises InvalidFunnel."""
        return from_json(self.body())

    def check(self) -> FunnelDefinition | Problem:
        """The definition, or the first thing that is wrong with it."""
        try:
            return self.definition()
        except InvalidFunnel as error:
            return Problem(error.field, error.problem)

    def differs_from(self, saved: FunnelDefinition | None) -> bool:
        """Whether something would be lost with it; for None, a funnel that was never saved."""
        if saved is None:
            return self.body() != Draft().body()
        found = self.check()
        return isinstance(found, Problem) or to_json(found) != to_json(saved)

    def with_step(self) -> Self:
        return replace(self, steps=(*self.steps, DraftStep()))

    def without_step(self, key: str) -> Self:
        """Exclusions that began or ended at the step go to its neighbours."""
        at = _position(self.steps, key)
        left = self.steps[:at] + self.steps[at + 1 :]
        if not left:
            return replace(self, steps=(), exclusions=())
        before, after = left[max(0, at - 1)].key, left[min(at, len(left) - 1)].key
        exclusions = tuple(
            replace(
                exclusion,
                from_step=after if exclusion.from_step == key else exclusion.from_step,
                to_step=before if exclusion.to_step == key else exclusion.to_step,
            )
            for exclusion in self.exclusions
        )
        return replace(self, steps=left, exclusions=exclusions)

    def with_step_moved(self, key: str, by: int) -> Self:
        """Up for a negative `by`; a step at the end of the list stays there."""
        at = _position(self.steps, key)
        to = min(max(0, at + by), len(self.steps) - 1)
        rest = self.steps[:at] + self.steps[at + 1 :]
        return replace(self, steps=(*rest[:to], self.steps[at], *rest[to:]))

    def with_exclusion(self) -> Self:
        first, last = self.steps[0].key, self.steps[-1].key
        return replace(self, exclusions=(*self.exclusions, DraftExclusion(first, last)))

    def without_exclusion(self, key: str) -> Self:
        return replace(self, exclusions=without(self.exclusions, key))

    def with_dimension(self) -> Self:
        return replace(self, dimensions=(*self.dimensions, DraftDimension()))

    def without_dimension(self, key: str) -> Self:
        return replace(self, dimensions=without(self.dimensions, key))

    def with_condition(self, key: str) -> Self:
        """One filter more at the step or exclusion of this key."""
        return self._filtered(key, lambda where: (*where, DraftCondition()))

    def without_condition(self, key: str, condition: str) -> Self:
        return self._filtered(key, lambda where: without(where, condition))

    def _filtered(
        self, key: str, change: Callable[[tuple[DraftCondition, ...]], tuple[DraftCondition, ...]]
    ) -> Self:
        return replace(
            self,
            steps=tuple(replace(s, where=change(s.where)) if s.key == key else s for s in self.steps),
            exclusions=tuple(
                replace(e, where=change(e.where)) if e.key == key else e for e in self.exclusions
            ),
        )


def pasted(text: str, over: Draft) -> Draft:
    """What the JSON says, in the place of `over`: a saved funnel keeps its name. Raises InvalidFunnel."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise InvalidFunnel("definition", f"is not JSON: {error}") from None
    return replace(Draft.of(from_json(body)), base_version=over.base_version, base_name=over.base_name)


def name_of(title: str) -> str:
    """The key that a title makes: `Loan application` is saved as `loan-application`."""
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-")


def without(rows: Sequence[_Kind], key: str) -> tuple[_Kind, ...]:
    return tuple(row for row in rows if row.key != key)


def _position(rows: Sequence[_Row], key: str) -> int:
    return [row.key for row in rows].index(key)


def _window_of(seconds: int) -> tuple[int, str]:
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0)
    return seconds // UNITS[unit], unit


def _exclusion_of(exclusion: Exclusion, steps: Sequence[DraftStep]) -> DraftExclusion:
    return DraftExclusion(
        from_step=steps[exclusion.from_step].key,
        to_step=steps[exclusion.to_step].key,
        events=exclusion.events,
        where=tuple(map(DraftCondition.of, exclusion.where)),
    )


def _step_body(step: DraftStep) -> dict[str, Any]:
    events = None if step.is_any_event else list(step.events)
    label = step.label.strip() or events_label(() if step.is_any_event else step.events)
    return {"events": events, "label": label, "where": _where_body(step.where), "optional": step.is_optional}


def _where_body(where: Sequence[DraftCondition]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for condition in where:
        body.setdefault(condition.property, []).append(_condition_body(condition))
    return body


def _condition_body(condition: DraftCondition) -> dict[str, Any]:
    takes = OPERATORS[condition.operator].takes
    if takes == 0:
        return {"op": condition.operator}
    values = list(condition.values)
    return {"op": condition.operator, "value": values[0] if takes == len(values) else values}


def _dimension_body(dimension: DraftDimension) -> dict[str, Any]:
    return {
        "property": dimension.property,
        "label": dimension.label.strip() or dimension.property,
        "bands": [_edge(text) for text in dimension.bands.split(",") if text.strip()],
    }


def _edge(text: str) -> float | str:
    """The number, or the text itself, which the check then refuses by name."""
    found = number(text.strip())
    if found is None or math.isinf(found):
        return text.strip()
    return int(found) if found.is_integer() else found
