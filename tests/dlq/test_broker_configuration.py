"""Which configuration is warned of, and that a sound one is not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dlq.broker.configuration import warnings
from dlq.broker.records import Pause, QueueView, Severity, WorkerState, WorkerView
from tests.dlq.test_broker_listeners import NOW

SOUND = {
    "visibility_timeout": 3600,
    "task_time_limit": 600,
    "longest_time_limit": 600,
    "late_tasks": [],
    "worker_lost_loops": [],
    "task_acks_on_failure_or_timeout": True,
}


def worker(name: str = "one@here", *, reports: bool = True, **settings: Any) -> WorkerView:
    return WorkerView(
        name=name,
        state=WorkerState.ALIVE,
        reports=reports,
        answers=True,
        queues=("mail",),
        tasks=("mail.send",),
        settings=SOUND | settings if reports else None,
    )


def queue(**changed: Any) -> QueueView:
    told: dict[str, Any] = {
        "name": "mail",
        "waiting": 1,
        "by_priority": {0: 1},
        "taken": 0,
        "scheduled": 0,
        "oldest_seconds": 1.0,
        "oldest_is_least": False,
        "furthest_seconds": None,
        "next_tasks": {"mail.send": 1},
        "workers": ("one@here",),
    }
    return QueueView(**told | changed)


def severities(workers: list[WorkerView], queues: list[QueueView]) -> list[Severity]:
    return [warning.severity for warning in warnings(workers, queues)]


def test_a_sound_configuration_gives_no_warning() -> None:
    assert warnings([worker()], [queue()]) == ()


@pytest.mark.parametrize(
    ("settings", "severity", "words"),
    [
        ({"longest_time_limit": 3600, "late_tasks": ["a"], "worker_lost_loops": ["a"]}, "repeats", "3,600 s"),
        ({"longest_time_limit": None, "late_tasks": ["a"]}, "repeats", "late tasks without a time limit"),
        ({"late_tasks": ["a", "b"], "worker_lost_loops": ["b"]}, "note", "without reject_on_worker_lost: a"),
        ({"late_tasks": ["b"], "worker_lost_loops": ["b"]}, "repeats", "with reject_on_worker_lost: b"),
        ({"late_tasks": ["a"], "task_acks_on_failure_or_timeout": False}, "repeats", "is off in one@here"),
        ({"task_time_limit": None}, "note", "No general time limit"),
    ],
)
def test_a_setting_that_loses_or_repeats_work_is_named(
    settings: dict[str, Any], severity: str, words: str
) -> None:
    found = warnings([worker(**settings)], [])
    assert any(warning.severity == severity and words in warning.title for warning in found)


def test_a_long_limit_of_tasks_that_are_acknowledged_early_is_harmless() -> None:
    assert warnings([worker(longest_time_limit=90_000)], []) == ()


def test_the_shortest_visibility_timeout_counts_for_what_is_scheduled() -> None:
    workers = [worker(), worker("two@here", visibility_timeout=60)]
    titles = [warning.title for warning in warnings(workers, [queue(furthest_seconds=90.0)])]
    assert any("scheduled further ahead" in title for title in titles)
    assert any("different visibility timeouts: 60 s, 3,600 s" in title for title in titles)


def test_a_task_that_a_worker_of_the_queue_does_not_know_would_be_thrown_away() -> None:
    found = warnings([worker()], [queue(next_tasks={"mail.sned": 3})])
    assert [warning.severity for warning in found] == [Severity.LOSES]
    assert "mail.sned waits in mail, but one@here" in found[0].title


def test_a_full_queue_that_nobody_consumes_stands_unless_it_is_paused() -> None:
    left = queue(name="bills", workers=(), next_tasks={})
    assert severities([worker()], [left]) == [Severity.STANDS]
    paused = queue(
        name="bills", workers=(), next_tasks={}, pause=Pause("bills", "ada", NOW, "", ("one@here",))
    )
    assert severities([worker()], [paused]) == []


def test_a_worker_that_takes_from_a_paused_queue_is_named() -> None:
    paused = queue(pause=Pause("mail", "ada", NOW, "", ("two@here",)))
    assert "mail is paused, but one@here" in warnings([worker()], [paused])[0].title


@pytest.mark.parametrize(("minutes", "named"), [(-1, False), (1, True)])
def test_a_worker_that_was_told_is_named_only_when_it_has_started_anew(minutes: int, named: bool) -> None:
    paused = queue(pause=Pause("mail", "ada", NOW, "", ("one@here",)))
    told = replace(worker(), started_at=NOW + timedelta(minutes=minutes))
    assert bool(warnings([told], [paused])) is named


def test_workers_of_one_name_and_workers_without_capture_are_named() -> None:
    titles = [one.title for one in warnings([worker(), worker(), worker("x@y", reports=False)], [])]
    assert titles == ["Several workers are called one@here", "x@y runs without dlq.install"]


def test_a_worker_that_reports_but_is_not_on_this_broker_is_named() -> None:
    [found] = warnings([replace(worker(), answers=False)], [])
    assert found.title == "one@here reports, but does not answer on this broker"
    assert "ONWARD_BROKER_PREFIX" in found.text


def test_the_gravest_warning_comes_first() -> None:
    found = severities([worker(task_time_limit=None)], [queue(next_tasks={"unknown": 1})])
    assert found == [Severity.LOSES, Severity.NOTE]


def test_workers_that_are_gone_are_not_judged() -> None:
    gone = WorkerView("one@here", WorkerState.SILENT, reports=True, answers=False, settings={})
    assert warnings([gone], []) == ()
