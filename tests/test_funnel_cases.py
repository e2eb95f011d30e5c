"""Runs the worked examples of the funnel rules, ours in tests/cases/ or those named in FUNNEL_CASES.

Each is asked of the engine and of its slow twin: both must give the numbers that the case demands.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from analytics.errors import AnalyticsError
from analytics.views.time_to_convert import Histogram, check_steps
from tests.counted import Answer, Row, asked_of_engine, asked_of_twin
from tests.worked_cases import Case, cases, definition_of, events_of, question_of

Asked = Callable[..., Answer]
ANSWERED = [case for case in cases() if case["kind"] != "invalid"]
REFUSED = [case for case in cases() if case["kind"] == "invalid"]


def of_each(listed: list[Case]) -> Any:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in listed])


@of_each(REFUSED)
def test_what_cannot_be_asked_is_refused(case: Case) -> None:
    with pytest.raises(AnalyticsError):
        _ask(case)


def _ask(case: Case) -> None:
    asked_of_engine(definition_of(case), question_of(case), events_of(case))
    if ends := case["definition"].get("ttc"):
        check_steps(definition_of(case), ends["from"], ends["to"])


@pytest.mark.parametrize("asked", [asked_of_engine, asked_of_twin])
@of_each(ANSWERED)
def test_case(case: Case, asked: Asked) -> None:
    answer = asked(definition_of(case), question_of(case), events_of(case))
    check = {"steps": _check_steps, "time_to_convert": _check_time_to_convert}[case["kind"]]
    check(case, answer)


def _check_steps(case: Case, answer: Answer) -> None:
    expected = case["expected"]
    if "counts" in expected:
        _check_counts(case, answer)
    if "breakdown_values" in expected:
        assert sorted(answer.rows) == sorted(expected["breakdown_values"])
    for label, averages in _by_label(expected.get("avg_conversion_s")).items():
        means = [answer.rows[label].mean_ms(slot) for slot in range(len(averages))]
        _check_seconds(means, averages, abs=0.001)
    for label, medians in _by_label(expected.get("median_conversion_s")).items():
        _check_seconds(answer.rows[label].gap_medians_ms, medians, rel=0.01)
    for label, people in _by_label(expected.get("people")).items():
        _check_people(answer.rows[label], people)


def _check_counts(case: Case, answer: Answer) -> None:
    expected = case["expected"]
    wanted = _by_label(expected["counts"])
    steps = expected.get("asserted_steps", range(len(case["definition"]["steps"])))
    assert {label: [row.reached[step] for step in steps] for label, row in answer.rows.items()} == {
        label: [counts[step] for step in steps] for label, counts in wanted.items()
    }


def _check_seconds(found_ms: Sequence[float | None], expected: Sequence[Any], **within: float) -> None:
    """Slot 0 is the whole time for us; the cases never state it. "-" and null: nothing is stated."""
    for slot, seconds in enumerate(expected):
        if slot and isinstance(seconds, int | float):
            found = found_ms[slot]
            assert found is not None
            assert found / 1000 == pytest.approx(seconds, **within)


def _check_people(row: Row, people: dict[str, list[str]]) -> None:
    """At step "k", counted from 1; at "-k" those who came no further than the step before."""
    for key, session_ids in people.items():
        step = abs(int(key)) - 1
        lost = key.startswith("-")
        found = [
            session for session, chain, _ in row.people if (max(chain) == step - 1 if lost else step in chain)
        ]
        assert sorted(found) == sorted(session_ids)


def _check_time_to_convert(case: Case, answer: Answer) -> None:
    ends = case["definition"]["ttc"]
    gaps_ms = [
        chain[ends["to"]] - chain[ends["from"]]
        for _, chain, _ in answer.rows[""].people
        if ends["to"] in chain and ends["from"] in chain
    ]
    found = Histogram.of([np.array(gaps_ms, np.int64)])
    assert [[one.seconds, one.sessions] for one in found.bins] == case["expected"]["bins"]
    assert found.average_seconds == pytest.approx(case["expected"]["average_s"])


def _by_label(expected: Any) -> dict[str, Any]:
    """By breakdown value; without a breakdown, the one row is ""."""
    if expected is None:
        return {}
    is_grouped = isinstance(expected, dict) and not any(_is_people_list(entry) for entry in expected.items())
    return expected if is_grouped else {"": expected}


def _is_people_list(entry: tuple[str, Any]) -> bool:
    """Step number to session ids, rather than breakdown value to counts."""
    key, listed = entry
    return key.lstrip("-").isdigit() and isinstance(listed, list) and all(isinstance(i, str) for i in listed)
