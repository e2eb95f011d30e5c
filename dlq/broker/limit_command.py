"""A remote control command that changes a task's time limits in a running worker.

Celery has one of its own, `time_limit`, which answers that all is well and changes nothing (5.7): the worker
fixed the limits of each task when it connected. This one makes it look again. Importing the module registers
the command; workers with `dlq.install` do.
"""

from typing import Any

from celery.worker.control import control_command

TIME_LIMIT = "dlq_time_limit"


@control_command(name=TIME_LIMIT)
def dlq_time_limit(
    state: Any, task_name: str, soft: float | None = None, hard: float | None = None, **_: Any
) -> dict[str, str]:
    """Give the task these limits in seconds from the next message on; None takes a limit away."""
    app, consumer = state.app, state.consumer
    task = app.tasks.get(task_name)
    if task is None:
        return {"error": "unknown task"}
    task.soft_time_limit, task.time_limit = soft, hard
    consumer.strategies[task_name] = task.start_strategy(app, consumer)
    return {"ok": "limits changed"}
