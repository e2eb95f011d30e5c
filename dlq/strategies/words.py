"""What a category means, said to the person who waits, to support, and in the log of a worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dlq.strategies.categories import Category


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a task stands after a failed attempt."""

    task_name: str
    session_id: str | None
    attempt: int  #: this one, counted from 1
    attempts: int  #: that it gets in all
    next_seconds: float | None  #: until the next one; None when it was the last


_MESSAGES: Mapping[Category, str] = MappingProxyType(
    {
        Category.TRANSIENT: "A service that this needs is away for the moment",
        Category.RATE_LIMIT: "A service that this needs has asked us to slow down",
        Category.TIMEOUT: "This took longer than it may",
        Category.DATABASE: "The database did not take the change",
        Category.VALIDATION: "Something that was entered or received cannot be used as it is",
        Category.CONFIGURATION: "This is not set up correctly on our side",
        Category.RESOURCE: "The machine that does this has run out of memory, disk or connections",
        Category.CANCELLED: "This was called off before it was done",
        Category.BUG: "Something on our side went wrong",
    }
)

_HINTS: Mapping[Category, str] = MappingProxyType(
    {
        Category.TRANSIENT: "Check that the service answers again, then retry the whole group.",
        Category.RATE_LIMIT: "Retry in bulk at a low rate, or once the quota is raised.",
        Category.TIMEOUT: "Retry when the service is quick again. If it times out while others are quick, the"
        " task needs a longer limit or smaller work.",
        Category.DATABASE: "A deadlock or lost race: retry. A constraint named in the message: somebody must"
        " look at the record first.",
        Category.VALIDATION: "A retry fails the same way. Correct the arguments and retry with those, or"
        " discard.",
        Category.CONFIGURATION: "A retry fails the same way until a key, permission, migration or worker is"
        " put right. Tell the owners of the task.",
        Category.RESOURCE: "Check the workers' memory and disk before a retry: it may take down another one.",
        Category.CANCELLED: "Ask who called it off, or why it waited so long. Retry if it is still wanted.",
        Category.BUG: "Report it with the traceback. Retry after the fix is released.",
    }
)


def message(category: Category) -> str:
    """One clause for the person who waits, without a full stop; it names nothing internal."""
    return _MESSAGES[category]


def hint(category: Category) -> str:
    """What support should try first."""
    return _HINTS[category]


def situated(category: Category, at: Situation) -> str:
    """The message with the circumstances, for logs: no arguments, no text of the exception."""
    who = f" for session {at.session_id}" if at.session_id else ""
    if at.next_seconds is None:
        then = "it was the last" if at.attempts > 1 else "it is not tried again"
    else:
        then = f"the next is in {duration(at.next_seconds)}"
    which = f"attempt {at.attempt} of {at.attempts} of {at.task_name}{who}"
    return f"{message(category)}: {which} failed, and {then}."


def duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
