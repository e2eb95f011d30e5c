"""Worked cases as records: what is asked, of which events. `tests/cases/README.md` describes their form."""

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analytics.conditions import OPERATORS, Condition
from analytics.funnels import Exclusion, FunnelDefinition, Step
from analytics.question import MAX_GROUPS, Question
from tests.analytics.worlds import Event, text_of

Case = dict[str, Any]
HERE = Path(__file__).parent / "cases"
#: How the cases spell the operators that we call otherwise.
SPELLINGS = {
    "exact": "equals",
    "is": "equals",
    "is_not": "not_equals",
    "icontains": "contains",
    "not_icontains": "not_contains",
    "gt": "greater",
    "gte": "at_least",
    "lt": "less",
    "lte": "at_most",
}
#: The same for one value and for several.
OF_SEVERAL = {"equals": "in", "not_equals": "not_in"}


def cases() -> Iterator[Case]:
    """Ours, or those in the files and folders of FUNNEL_CASES, separated like PATH."""
    for place in os.environ.get("FUNNEL_CASES", str(HERE)).split(os.pathsep):
        path = Path(place)
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(f"FUNNEL_CASES: no JSON file in {path}")
        for file in files:
            yield from json.loads(file.read_text(encoding="utf-8"))


def definition_of(case: Case) -> FunnelDefinition:
    given = case["definition"]
    return FunnelDefinition(
        name=case["id"],
        order=given["order"],
        window_seconds=given["window_s"],
        steps=tuple(_step(step) for step in given["steps"]),
        exclusions=tuple(_exclusion(exclusion) for exclusion in given.get("exclusions") or ()),
    )


def question_of(case: Case) -> Question:
    given = case["definition"]
    # The times between two steps are those of everybody, whatever the breakdown.
    breakdown = () if case["kind"] == "time_to_convert" else given.get("breakdown") or ()
    return Question(
        since=dt.datetime.fromisoformat(given["date_from"]),
        until=dt.datetime.fromisoformat(given["date_to"]) + dt.timedelta(microseconds=1),
        completions=given.get("completions", "within_window"),
        event_where=_conditions(given.get("filters") or {}),
        breakdown=(breakdown,) if isinstance(breakdown, str) else tuple(breakdown),
        attribution=given.get("attribution") or "session",
        most_groups=given.get("breakdown_limit") or MAX_GROUPS,
    )


def events_of(case: Case) -> list[Event]:
    return [
        Event(
            given["id"], given["event"], dt.datetime.fromisoformat(given["ts"]), given.get("properties") or {}
        )
        for given in case["events"]
    ]


def _step(given: dict[str, Any]) -> Step:
    label = given["event"] or "any event"
    where = _conditions(given.get("where") or {})
    return Step(_names(given["event"]), label, where, optional=bool(given.get("optional")))


def _exclusion(given: dict[str, Any]) -> Exclusion:
    where = _conditions(given.get("where") or {})
    return Exclusion(_names(given["event"]), given["from"], given["to"], where)


def _names(event: str | list[str] | None) -> tuple[str, ...]:
    return (event,) if isinstance(event, str) else tuple(event or ())


def _conditions(where: dict[str, Any]) -> tuple[Condition, ...]:
    return tuple(_condition(name, one) for name, given in where.items() for one in _conditions_of(given))


def _conditions_of(given: Any) -> list[Any]:
    """A list of conditions must all hold; of a list of values, one must be met."""
    several = isinstance(given, list) and any(isinstance(one, dict) for one in given)
    return given if several else [given]


def _condition(name: str, given: Any) -> Condition:
    if not isinstance(given, dict):
        given = {"op": "exact", "value": given}
    operator = SPELLINGS.get(given["op"], given["op"])
    if OPERATORS[operator].takes == 0:
        return Condition(name, operator)
    value = given.get("value")
    if not isinstance(value, list):
        return Condition(name, operator, (text_of(value) or "",))
    return Condition(name, OF_SEVERAL.get(operator, operator), tuple(text_of(one) or "" for one in value))
