"""Workers and queues as files: each value under its name, what is not known left empty."""

from dlq.broker.records import BrokerView, Pause, Running, WorkerState, WorkerView
from dlq.broker.rows import Cell, queue_rows, worker_rows
from tests.dlq.test_broker_configuration import queue, worker
from tests.dlq.test_broker_listeners import NOW


def by_name(rows: list[list[Cell]]) -> list[dict[Cell, Cell]]:
    header, *lines = rows
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_a_worker_is_a_row() -> None:
    busy = WorkerView(
        name="one@here",
        state=WorkerState.ALIVE,
        reports=True,
        answers=True,
        heartbeat_at=NOW,
        queues=("mail", "bills"),
        paused=("slow",),
        running=(Running("t1", "mail.send", "mail", NOW),),
    )
    [row] = by_name(worker_rows(BrokerView(workers=(busy,))))
    assert (row["worker"], row["state"], row["last_heartbeat"]) == ("one@here", "alive", NOW.isoformat())
    assert (row["consumes"], row["paused"], row["running"]) == ("mail bills", "slow", 1)


def test_what_a_silent_worker_runs_is_not_known() -> None:
    silent = WorkerView("one@here", WorkerState.SILENT, reports=True, answers=False)
    [row] = by_name(worker_rows(BrokerView(workers=(silent,))))
    assert row["running"] is None


def test_a_queue_is_a_row() -> None:
    paused = queue(waiting=5, by_priority={0: 2, 9: 3}, pause=Pause("mail", "ada", NOW, "", (worker().name,)))
    [row] = by_name(queue_rows(BrokerView(queues=(paused,))))
    assert (row["queue"], row["waiting"], row["by_priority"]) == ("mail", 5, "0:2 9:3")
    assert (row["oldest_seconds"], row["paused_by"]) == (1.0, "ada")
