"""What tasks may say of themselves, and an optional base class for them.

`dlq.install` covers plain tasks as well. A task of any class with `dead_letters = False` is passed over
however it fails: for periodic tasks whose next run replaces a lost one, which in an outage would leave a
letter each time. Only a run that retries a letter written earlier is still followed to its end.
"""

from collections.abc import Mapping
from typing import Any

from celery import Task, current_task
from celery.exceptions import Ignore
from sqlalchemy import Connection

from dlq import fence
from dlq.envelope import LETTER_HEADER, WORK_HEADER
from dlq.errors import AlreadyDone

#: Whose work it is: copied from a running task to the tasks that it starts.
OWNER_HEADERS = ("session_id", "client_id", "correlation_id")
#: Celery hides a header `correlation_id` from the task and drops it at a retry: its value travels here too.
CORRELATION_HEADER = "dlq_correlation_id"


class DeadLetterTask(Task):
    """A task that says whether running it twice is harmless, and that passes on whose work it does.

    `idempotent = True` spares the person who retries a warning; so does `fenced = True`, by which a task says
    that it calls `once`. `in_flight = True` has every run followed, so that one whose worker is killed is
    found. Headers `session_id`, `client_id` and `correlation_id` of the running task go to every task of this
    class that it starts, unless given anew.
    """

    abstract = True
    idempotent = False
    fenced = False
    in_flight = False
    dead_letters = True

    @property
    def correlation_id(self) -> str:
        """The id that ties this run to what caused it: the header of that name, else the root task."""
        request = self.request
        return str((request.headers or {}).get(CORRELATION_HEADER) or request.root_id or request.id)

    def once(self, connection: Connection) -> None:
        """Let the work of `connection`'s transaction be committed once, however often the task is delivered.

        To be called first in that transaction, in whose database `fence.create` has made the table. A retry
        of a letter is the same work as the run that left it. A run whose work is committed already ends here,
        as Ignore, and its letter is resolved.
        """
        work = (self.request.headers or {}).get(WORK_HEADER) or self.request.id
        try:
            fence.enter(connection, work)
        except AlreadyDone as error:
            raise Ignore(str(error)) from error

    def apply_async(self, *args: Any, headers: dict[str, Any] | None = None, **options: Any) -> Any:
        owned = _owner_of_running_task() | (headers or {})
        if "correlation_id" in owned:
            owned[CORRELATION_HEADER] = owned["correlation_id"]
        return super().apply_async(*args, headers=owned or None, **options)


def runs_twice_harmlessly(task: Any) -> bool | None:
    """What `task` says of itself; None when it says nothing, or is None because nobody knows it."""
    if getattr(task, "fenced", False):
        return True
    idempotent = getattr(task, "idempotent", None)
    return idempotent if isinstance(idempotent, bool) else None


def keeps_letters(task: Any, headers: Mapping[str, Any]) -> bool:
    """Whether a run of `task` (None when unknown) that came with these headers leaves or settles letters."""
    return bool(getattr(task, "dead_letters", True)) or LETTER_HEADER in headers


def _owner_of_running_task() -> dict[str, Any]:
    running = (current_task.request.headers if current_task else None) or {}
    known = {"correlation_id": running.get(CORRELATION_HEADER)} | running
    return {name: known[name] for name in OWNER_HEADERS if known.get(name) is not None}
