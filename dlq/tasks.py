"""An optional base class for tasks. Capture does not need it: `dlq.install` covers plain tasks as well."""

from typing import Any

from celery import Task, current_task

#: Whose work it is: copied from a running task to the tasks that it starts.
OWNER_HEADERS = ("session_id", "client_id", "correlation_id")


class DeadLetterTask(Task):
    """A task that says whether running it twice is harmless, and that passes on whose work it does.

    `idempotent = True` spares the person who retries a warning. Headers `session_id`, `client_id` and
    `correlation_id` of the running task go to every task of this class that it starts, unless given anew.
    """

    abstract = True
    idempotent = False

    def apply_async(self, *args: Any, headers: dict[str, Any] | None = None, **options: Any) -> Any:
        owned = _owner_of_running_task() | (headers or {})
        return super().apply_async(*args, headers=owned or None, **options)


def _owner_of_running_task() -> dict[str, Any]:
    running = current_task.request.headers if current_task else None
    return {name: running[name] for name in OWNER_HEADERS if running and name in running}
