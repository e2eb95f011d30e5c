"""Definitions and questions: what is refused, and how it says so; and how they are kept."""

import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics import definitions, durations
from analytics.definition_json import from_json, to_json
from analytics.errors import InvalidFunnel, InvalidQuery, UnknownFunnel
from analytics.funnels import MAX_STEPS, FunnelDefinition
from analytics.question import Question

SAMPLE = Path(__file__).parent.parent.parent / "sample" / "loan-application.json"

STEP = {"events": ["A"]}
OPTIONAL = {"events": ["B"], "optional": True}
NOT_A = {"events": ["A"], "from": 0, "to": 1}


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "f", "steps": [{"events": ["A"]}, {"events": ["B", "C"], "label": "Second"}]} | changes


def test_json_and_back_is_the_same_definition() -> None:
    definition = from_json(json.loads(SAMPLE.read_text(encoding="utf-8")))
    assert from_json(to_json(definition)) == definition
    assert [step.label for step in definition.steps] == [
        "Submitted", "Pre-accepted", "Accepted", "Finalized", "Approved",
    ]  # fmt: skip


def test_the_short_form() -> None:
    steps = FunnelDefinition.parse("A, B|C ,D").steps
    assert [step.events for step in steps] == [("A",), ("B", "C"), ("D",)]
    assert steps[1].label == "B or C"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([], "definition: is list, but must be an object"),
        (body(name=" "), "name: is empty"),
        (body(name=None), "name: is missing"),
        (body(steps=[{"events": ["A"]}]), "steps: there are 1; a funnel has 2 to 32 steps"),
        (body(steps=[{"events": ["A"]}] * (MAX_STEPS + 1)), "steps: there are 33"),
        (body(steps=[{"events": []}] * 2), r"steps\[0\].events: names no event"),
        (body(steps=[{"event": "A"}] * 2), r"steps\[0\].event: is not known; did you mean 'events'\?"),
        (body(window_seconds=0), "window_seconds: 0 is not between 1 and"),
        (body(window_seconds="1d"), "window_seconds: '1d' is not a whole number"),
        (body(order="orderd"), "order: 'orderd' is not known; did you mean 'ordered'"),
        (body(dimensions=[{"property": "x", "bands": [2, 1]}]), r"dimensions\[0\].bands: must be rising"),
        (body(dimensions=[{"property": "x", "bands": ["1"]}]), r"dimensions\[0\].bands: .* not all numbers"),
        (
            body(exclusions=[{"events": ["X"], "from": 1, "to": 1}]),
            r"exclusions\[0\].from: is not a step before the last; allowed: A \(0\)",
        ),
        (
            body(exclusions=[{"events": ["X"], "from": 0, "to": 0}]),
            r"exclusions\[0\].to: is not a step after the one that it begins with; allowed: Second \(1\)",
        ),
        (
            body(exclusions=[{"events": ["X", "C"], "from": 0, "to": 1}]),
            r"exclusions\[0\].events: 'C' is the step 'Second' itself",
        ),
        (
            body(exclusions=[NOT_A | {"where": {"x": 1}}]),
            r"exclusions\[0\].events: 'A' is the step 'A' itself",
        ),
        (
            body(steps=[STEP, OPTIONAL, {"events": ["B", "C"]}]),
            r"steps\[1\].optional: its events are all events of the required step after it",
        ),
        (body(window=3), "definition.window: is not known; did you mean 'window_seconds'"),
    ],
)
def test_a_definition_that_cannot_be_counted_names_the_field(given: object, problem: str) -> None:
    with pytest.raises(InvalidFunnel, match=f"^{problem}"):
        from_json(given)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": [STEP, OPTIONAL, {"events": ["B"], "where": {"x": 1}}]},
        {"steps": [STEP, OPTIONAL | {"events": ["B", "C"]}, {"events": ["B"]}]},
        {"steps": [STEP, OPTIONAL, OPTIONAL]},
        {"steps": [STEP, OPTIONAL | {"events": None}, {"events": ["B"]}]},
        {"steps": [STEP, OPTIONAL, {"events": None}]},
        {"steps": [STEP | {"where": {"x": 1}}, {"events": ["B"]}], "exclusions": [NOT_A]},
        {"steps": [{"events": ["C"]}, {"events": ["B"]}, STEP], "exclusions": [NOT_A]},
        {"steps": [{"events": None}, {"events": ["B"]}], "exclusions": [NOT_A]},
        {"window_seconds": 98 * 365 * 86400},
    ],
)
def test_what_only_looks_like_a_step_twice_is_allowed(changes: dict[str, Any]) -> None:
    definition = from_json(body(**changes))
    assert from_json(to_json(definition)) == definition


@pytest.mark.parametrize(
    ("ask", "problem"),
    [
        (lambda: Question(zone="Mars/Base"), "zone: 'Mars/Base' is not a known time zone"),
        (
            lambda: Question(attribution="first"),
            "attribution: 'first' is not known; did you mean 'first_touch'",
        ),
        (lambda: Question(most_groups=0), "most_groups: 0"),
        (lambda: Question(since=dt.datetime(2024, 1, 1, tzinfo=None)), "since: has no time zone"),  # noqa: DTZ001 - the point
        (
            lambda: Question.of_days(dt.date(2024, 1, 2), dt.date(2024, 1, 1)),
            "last day: 2024-01-01 is before",
        ),
        (lambda: Question.of_days(dt.date(1900, 1, 1), dt.date(2024, 1, 1)), "until: the range is longer"),
        (lambda: Question.of_days(dt.date.min, None, zone="Asia/Tokyo"), "first day: lies in the year 1;"),
        (lambda: Question.of_days(None, dt.date.min, zone="Asia/Tokyo"), "last day: lies in the year 1;"),
        (lambda: Question.of_days(dt.date.max, None), "first day: lies in the year 9999;"),
        (lambda: Question.of_days(None, dt.date.max), "last day: lies in the year 9999;"),
        (lambda: Question(since=dt.datetime.max.replace(tzinfo=dt.UTC)), "since: lies in the year 9999;"),
        (lambda: Question(until=dt.datetime.min.replace(tzinfo=dt.UTC)), "until: lies in the year 1;"),
        (
            lambda: Question.of_days(dt.date(1000, 1, 1), dt.date(1000, 1, 2)).previous(),
            "since: lies in the year 999;",
        ),
    ],
)
def test_a_question_that_cannot_be_asked_names_the_field(ask: Callable[[], Question], problem: str) -> None:
    with pytest.raises(InvalidQuery, match=f"^{problem}"):
        ask()


def test_the_previous_period_has_the_same_number_of_days_even_when_the_clocks_change() -> None:
    question = Question.of_days(dt.date(2024, 3, 31), dt.date(2024, 4, 1), zone="Europe/Berlin")
    previous = question.previous()
    assert previous.days() == [dt.date(2024, 3, 29), dt.date(2024, 3, 30)]
    assert previous.until == question.since


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2592000), ("12h", 43200), ("90 m", 5400), ("1w", 604800)]
)
def test_durations(text: str, seconds: int) -> None:
    assert durations.seconds(text) == seconds
    with pytest.raises(InvalidFunnel, match="window"):
        durations.seconds(text[:-1])


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0, "0ms"),
        (0.012, "12ms"),
        (0.9996, "1.0s"),
        (59.9, "59.9s"),
        (59.96, "1m"),
        (61, "1m 01s"),
        (3599.7, "1h"),
        (14_820, "4h 07m"),
        (14 * 86400, "14d"),
        (14 * 86400 + 59, "14d"),
        (1194617, "13d 19h"),
    ],
)
def test_durations_shown(seconds: float | None, shown: str) -> None:
    assert durations.shown(seconds) == shown


def test_saving_again_makes_a_version_and_overwrites_none(engine: Engine) -> None:
    first = FunnelDefinition.parse("A,B", name="f")
    second = FunnelDefinition.parse("A,B,C", name="f")
    assert definitions.save(engine, first, by="ana").version == 1
    assert definitions.save(engine, second, by="ben").version == 2
    found = definitions.latest(engine, "f")
    assert (found.definition, found.version, found.saved_by) == (second, 2, "ben")
    definitions.save(engine, FunnelDefinition.parse("X,Y", name="g"), by="ana")
    assert [(saved.definition.name, saved.version) for saved in definitions.all_latest(engine)] == [
        ("f", 2), ("g", 1),
    ]  # fmt: skip


def test_ensure_saves_once_and_leaves_what_people_changed(engine: Engine) -> None:
    shipped = FunnelDefinition.parse("A,B", name="f")
    changed = FunnelDefinition.parse("A,C", name="f")
    definitions.ensure(engine, shipped, by="start")
    definitions.save(engine, changed, by="ana")
    assert definitions.ensure(engine, shipped, by="start").definition == changed


def test_people_who_save_at_once_get_a_version_each(engine: Engine) -> None:
    definition = FunnelDefinition.parse("A,B", name="f")
    with ThreadPoolExecutor(4) as people:
        versions = [
            saved.version
            for saved in people.map(lambda n: definitions.save(engine, definition, by=str(n)), range(4))
        ]
    assert sorted(versions) == [1, 2, 3, 4]


def test_an_unknown_name_lists_the_known_ones(engine: Engine) -> None:
    definitions.save(engine, FunnelDefinition.parse("A,B", name="onboarding"), by="ana")
    with pytest.raises(UnknownFunnel, match=r"'onbording'; did you mean 'onboarding'\?; saved: onboarding"):
        definitions.latest(engine, "onbording")
