"""The workers there are: what they reported in their heartbeats, and what they answered.

A worker that reports need not answer (its broker connection may be busy), and one that answers need not
report (another team's, without `dlq.install`). Either makes it alive.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, or_, select

from dlq.broker.inspection import Answer
from dlq.broker.listeners import MAX_WORKERS, SILENT_SECONDS
from dlq.broker.records import Pause, WorkerState, WorkerView
from dlq.tables import dead_letter_worker
from dlq.times import from_ms, to_ms

#: How long a worker that is gone is still shown.
REMEMBERED = timedelta(hours=24)

_c = dead_letter_worker.c
_ORDER = tuple(WorkerState)


def heartbeats(connection: Connection, now: datetime) -> list[RowMapping]:
    """The rows of workers that are here or went lately, the latest heartbeat first."""
    since = to_ms(now - REMEMBERED)
    statement = (
        select(dead_letter_worker)
        .where(_c.beat_at_ms > since, or_(_c.stopped_at_ms.is_(None), _c.stopped_at_ms > since))
        .order_by(_c.beat_at_ms.desc(), _c.boot)
        .limit(MAX_WORKERS)
    )
    return list(connection.execute(statement).mappings())


def worker_views(
    rows: Collection[RowMapping],
    answers: Mapping[str, Answer],
    pauses: Collection[Pause],
    now: datetime,
) -> tuple[WorkerView, ...]:
    """One view for each worker: alive ones first, by name. Of several starts the latest counts."""
    views: list[WorkerView] = []
    for row in rows:
        state = _state(row, row["name"] in answers, now)
        if state == WorkerState.ALIVE or all(view.name != row["name"] for view in views):
            views.append(_reporting(row, state, answers.get(row["name"]), pauses))
    reported = {view.name for view in views if view.alive}
    views = [view for view in views if view.alive or view.name not in reported]
    foreign = (name for name in answers if name not in reported)
    views += [_answering(name, answers[name], pauses) for name in foreign]
    return tuple(sorted(views, key=lambda view: (_ORDER.index(view.state), view.name)))


def _state(row: RowMapping, answers: bool, now: datetime) -> WorkerState:
    if row["stopped_at_ms"] is not None:
        return WorkerState.STOPPED
    late = now - from_ms(row["beat_at_ms"]) >= timedelta(seconds=SILENT_SECONDS)
    return WorkerState.SILENT if late and not answers else WorkerState.ALIVE


def _reporting(
    row: RowMapping, state: WorkerState, answer: Answer | None, pauses: Collection[Pause]
) -> WorkerView:
    alive = state == WorkerState.ALIVE
    answer = answer if alive else None
    settings: Mapping[str, Any] = row["settings"]
    queues = tuple(row["queues"]) if answer is None else answer.queues
    return WorkerView(
        name=row["name"],
        state=state,
        reports=True,
        answers=answer is not None,
        heartbeat_at=from_ms(row["beat_at_ms"]),
        started_at=from_ms(row["started_at_ms"]),
        stopped_at=from_ms(row["stopped_at_ms"]),
        pid=row["pid"],
        release=row["release"],
        pool=str(settings.get("pool") or ""),
        concurrency=settings.get("concurrency"),
        finished=_finished(answer),
        queues=queues if alive else (),
        paused=_paused(row["name"], queues, pauses) if alive else (),
        tasks=tuple(row["tasks"]),
        running=answer.running if answer else (),
        limits=answer.tasks if answer else None,
        settings=settings,
    )


def _answering(name: str, answer: Answer, pauses: Collection[Pause]) -> WorkerView:
    pool: Mapping[str, Any] = answer.stats.get("pool") or {}
    return WorkerView(
        name=name,
        state=WorkerState.ALIVE,
        reports=False,
        answers=True,
        pid=answer.stats.get("pid"),
        pool=str(pool.get("implementation") or "").rpartition(":")[0].rpartition(".")[2],
        concurrency=pool.get("max-concurrency"),
        finished=_finished(answer),
        queues=answer.queues,
        paused=_paused(name, answer.queues, pauses),
        tasks=tuple(sorted(answer.tasks)),
        running=answer.running,
        limits=answer.tasks,
    )


def _finished(answer: Answer | None) -> int | None:
    return sum((answer.stats.get("total") or {}).values()) if answer and answer.stats else None


def _paused(name: str, queues: Collection[str], pauses: Collection[Pause]) -> tuple[str, ...]:
    return tuple(pause.queue for pause in pauses if name in pause.workers and pause.queue not in queues)
