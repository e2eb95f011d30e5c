"""What a selection of sessions is, in the words of the number that led to it."""

import datetime as dt

from analytics.funnels import FunnelDefinition
from analytics.question import Filter, Question
from analytics.sessions import GONE, Selection
from analytics.timing import TIMINGS
from pages._words import days

_OUTCOMES = {
    "converted": "converted",
    "blocked": "blocked behind a task of ours that died",
    "open": "still inside their window",
    "left": "left",
    GONE: "left or blocked",
}
NOTHING_FAILED = "no failed task"
MISSING = "(missing)"


def selection(chosen: Selection, definition: FunnelDefinition, question: Question) -> str:
    """`got exactly as far as Engaged · left or blocked · Tuesday 14:00`."""
    labels = [step.label for step in definition.steps]
    parts = [
        None if chosen.reached is None else f"reached {labels[chosen.reached]}",
        None if chosen.stopped is None else f"got exactly as far as {labels[chosen.stopped]}",
        None if chosen.outcome is None else _OUTCOMES[chosen.outcome],
        _silence(chosen.silent),
        None if chosen.value is None else _value(chosen.value, definition, question),
        None if chosen.pattern is None else chosen.pattern or NOTHING_FAILED,
        None if chosen.bin is None else _bin(chosen, definition, question),
    ]
    return " · ".join(part for part in parts if part) or "all that entered"


def asked(definition: FunnelDefinition, question: Question) -> str:
    """`Onboarding · 26 Oct – 22 Nov 2026 · Device: phone`: of whom the selection is."""
    filters = [_filter(one, definition) for one in question.where]
    conditions = [f"events where {one}" for one in question.event_where]
    zone = [] if question.zone == "UTC" else [question.zone]
    return " · ".join([definition.title or definition.name, *_days(question), *zone, *filters, *conditions])


def _days(question: Question) -> list[str]:
    if question.since is None or question.until is None:
        return []
    shown = question.days()
    return [days(shown[0], shown[-1])]


def _silence(silent: bool | None) -> str | None:
    if silent is None:
        return None
    return "nothing happened afterwards" if silent else "did something else afterwards"


def _value(value: str, definition: FunnelDefinition, question: Question) -> str:
    label = " · ".join(definition.dimension(name).label for name in question.breakdown)
    return f"{label}: {value or MISSING}"


def _filter(one: Filter, definition: FunnelDefinition) -> str:
    return f"{definition.dimension(one.dimension).label}: {', '.join(v or MISSING for v in one.values)}"


def _bin(chosen: Selection, definition: FunnelDefinition, question: Question) -> str:
    if chosen.bin is None or question.since is None or question.until is None:
        return ""
    label = TIMINGS[chosen.bins](definition)(question).label(chosen.bin)
    return label if isinstance(label, str) else _day(label, chosen.bins)


def _day(day: dt.date, bins: str) -> str:
    return f"{'week from ' if bins == 'week' else ''}{day.day} {day:%b %Y}"
