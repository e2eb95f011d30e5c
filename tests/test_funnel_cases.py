"""Runs the worked examples of the funnel rules, ours in tests/cases/ and any others named in FUNNEL_CASES.

FUNNEL_CASES holds JSON files or folders of them, separated like PATH. A case that needs a feature of WAITING
is expected to fail; when it starts to pass, the run fails until the feature is taken off the list.
"""

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics import grouping
from analytics.counting import Chains, Count, chains, tally
from analytics.errors import AnalyticsError
from analytics.funnels import FunnelDefinition
from analytics.grouping import Rows
from analytics.question import MAX_GROUPS, Question
from analytics.sketch import median_ms
from analytics.tally import Tally
from tests.analytics.worlds import LATER, Event, partition, text_of

Case = dict[str, Any]
HERE = Path(__file__).parent / "cases"


def _any_step(case: Case, holds: Callable[[dict[str, Any]], object]) -> bool:
    return any(holds(step) for step in case["definition"]["steps"])


#: What the funnel cannot do yet, and how to tell that a case needs it.
WAITING: dict[str, Callable[[Case], object]] = {
    "strict order": lambda case: case["definition"]["order"] == "strict",
    "unordered": lambda case: case["definition"]["order"] == "unordered",
    "exclusions": lambda case: case["definition"].get("exclusions"),
    "optional steps": lambda case: _any_step(case, lambda step: step.get("optional")),
    "any event": lambda case: _any_step(case, lambda step: step["event"] is None),
    "filter operators": lambda case: _any_step(
        case, lambda step: any(isinstance(value, dict) for value in step.get("where", {}).values())
    ),
    "several breakdown properties": lambda case: isinstance(case["definition"].get("breakdown"), list),
    "filters on all events": lambda case: case["definition"].get("filters"),
    "time to convert": lambda case: case["kind"] == "time_to_convert",
}


def _cases() -> Iterator[Any]:
    for place in os.environ.get("FUNNEL_CASES", str(HERE)).split(os.pathsep):
        path = Path(place)
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(f"FUNNEL_CASES: no JSON file in {path}")
        for file in files:
            for case in json.loads(file.read_text(encoding="utf-8")):
                waits_for = [feature for feature, needed in WAITING.items() if needed(case)]
                marks = pytest.mark.xfail(strict=True, reason=", ".join(waits_for)) if waits_for else ()
                yield pytest.param(case, id=case["id"], marks=marks)


@pytest.mark.parametrize("case", list(_cases()))
def test_case(case: Case) -> None:
    if case["kind"] == "invalid":
        _check_refused(case)
    elif case["kind"] == "steps":
        _check_steps(case)
    else:
        pytest.fail(f"nothing here can check cases of kind {case['kind']!r}")


def _check_refused(case: Case) -> None:
    with pytest.raises(AnalyticsError) as refusal:
        _counted(case)
    assert "is not known" not in str(refusal.value), "refused for a feature that we lack, not for the rule"


def _check_steps(case: Case) -> None:
    count, result, found = _counted(case)
    expected = case["expected"]
    labels = count.rows.labels if count.rows else (None,)
    present = {label: at for at, label in enumerate(labels) if label is None or result.reached[at, 0]}
    if "counts" in expected:
        _check_counts(case, {label: result.reached[at].tolist() for label, at in present.items()})
    if "breakdown_values" in expected:
        assert sorted(present) == sorted(expected["breakdown_values"])
    for label, averages in _by_label(expected.get("avg_conversion_s")).items():
        _check_averages(result, present[label], averages)
    for label, medians in _by_label(expected.get("median_conversion_s")).items():
        _check_medians(result, present[label], medians)
    for label, people in _by_label(expected.get("people")).items():
        _check_people(found, present[label], people)


def _check_counts(case: Case, counts: dict[str | None, list[int]]) -> None:
    expected = case["expected"]
    steps = expected.get("asserted_steps", range(len(case["definition"]["steps"])))
    wanted = _by_label(expected["counts"])
    assert set(counts) == set(wanted)
    assert {label: [counts[label][step] for step in steps] for label in counts} == {
        label: [wanted[label][step] for step in steps] for label in wanted
    }


def _check_averages(result: Tally, at: int, averages: list[Any]) -> None:
    for step, seconds in enumerate(averages):
        if isinstance(seconds, int | float):
            mean = result.gap_sum_ms[at, step] / result.gap_count[at, step] / 1000
            assert mean == pytest.approx(seconds, abs=0.001)


def _check_medians(result: Tally, at: int, medians: list[Any]) -> None:
    for step, seconds in enumerate(medians):
        if isinstance(seconds, int | float):
            found = median_ms(result.gap_histogram[at, step])
            assert found is not None
            assert found / 1000 == pytest.approx(seconds, rel=0.01)


def _check_people(found: Chains, at: int, people: dict[str, list[str]]) -> None:
    for step, session_ids in people.items():
        number = int(step)
        arrived = found.reached >= number if number > 0 else found.reached == -number - 1
        chosen = arrived & (found.group_of == at)
        assert sorted(found.session_ids[at] for at in np.flatnonzero(chosen)) == sorted(session_ids)


def _by_label(expected: Any) -> dict[str | None, Any]:
    """By breakdown value; None when the case has no breakdown."""
    if expected is None:
        return {}
    is_grouped = isinstance(expected, dict) and not any(_is_people_list(entry) for entry in expected.items())
    return expected if is_grouped else {None: expected}


def _is_people_list(entry: tuple[str, Any]) -> bool:
    """Step number to session ids, rather than breakdown value to counts."""
    key, listed = entry
    return key.lstrip("-").isdigit() and isinstance(listed, list) and all(isinstance(i, str) for i in listed)


def _counted(case: Case) -> tuple[Count, Tally, Chains]:
    world = partition(_event(event) for event in case["events"])
    definition, question = _definition(case), _question(case)
    rows = None
    if question.breakdown is not None:
        values = grouping.sessions_by_value(world, definition.dimension(question.breakdown))
        rows = Rows.of(values, question.most_groups)
    count = Count(definition, question, LATER, rows)
    return count, tally(world, count), chains(world, count)


def _definition(case: Case) -> FunnelDefinition:
    given = case["definition"]
    body: dict[str, Any] = {
        "name": case["id"],
        "order": given["order"],
        "window_seconds": given["window_s"],
        "steps": [_step(step) for step in given["steps"]],
    }
    for name in ("exclusions", "filters"):
        if given.get(name):
            body[name] = given[name]
    return FunnelDefinition.from_json(body)


def _step(step: dict[str, Any]) -> dict[str, Any]:
    where = {
        name: value if isinstance(value, dict) else text_of(value) or ""
        for name, value in step.get("where", {}).items()
    }
    body: dict[str, Any] = {"events": [step["event"]], "where": where}
    if step.get("optional"):
        body["optional"] = True
    return body


def _question(case: Case) -> Question:
    given = case["definition"]
    return Question(
        since=dt.datetime.fromisoformat(given["date_from"]),
        until=dt.datetime.fromisoformat(given["date_to"]) + dt.timedelta(microseconds=1),
        completions=given.get("completions", "within_window"),
        breakdown=given.get("breakdown"),
        attribution=given.get("attribution") or "session",
        most_groups=given.get("breakdown_limit") or MAX_GROUPS,
    )


def _event(event: dict[str, Any]) -> Event:
    moment = dt.datetime.fromisoformat(event["ts"])
    return Event(event["id"], event["event"], moment, event.get("properties") or {})
