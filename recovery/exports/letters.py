"""Dead letters, their groups, and what was done to many of them; redacted as on the page."""

from collections.abc import Sequence
from typing import Any, get_args

from dlq import console, filter_address
from dlq.groups import console as groups_console
from dlq.groups.ranking import Order, Shown
from dlq.groups.summary import GroupSummary
from dlq.operations import console as operations_console
from dlq.operations.records import Operation
from dlq.queries import LetterFilter
from dlq.views import LetterSummary
from infra.access.roles import Permission, Person
from recovery.exports.columns import MOMENT, TEXT, WHOLE, Columns
from recovery.exports.errors import BadParameter
from recovery.exports.table import Pairs, Rows, Sources, Table

_LETTERS = Columns(
    {
        "id": WHOLE,
        **dict.fromkeys(("task_id", "task_name", "kind", "status", "category", "exception_type"), TEXT),
        **dict.fromkeys(("message", "fingerprint"), TEXT),
        **dict.fromkeys(("occurrences", "attempts", "generation"), WHOLE),
        "priority": WHOLE,
        **dict.fromkeys(("queue", "session_id", "client_id", "correlation_id"), TEXT),
        **dict.fromkeys(("first_failed_at", "failed_at", "resolved_at", "discarded_at"), MOMENT),
        **dict.fromkeys(("claimed_by", "retry_task_id"), TEXT),
        "claimed_at": MOMENT,
        "operation_id": WHOLE,
    }
)
_GROUPS = Columns(
    {
        **dict.fromkeys(("fingerprint", "exception_type", "message", "place", "task_name"), TEXT),
        **dict.fromkeys(("category", "state", "note", "fixed_in"), TEXT),
        **dict.fromkeys(("muted_until", "first_seen_at", "last_seen_at", "reopened_at"), MOMENT),
        **dict.fromkeys(("letters", "waiting", "retrying", "sessions_blocked"), WHOLE),
    }
)
_OPERATIONS = Columns(
    {
        "id": WHOLE,
        **dict.fromkeys(("action", "status"), TEXT),
        **dict.fromkeys(("counted", "done", "skipped", "failed", "remaining"), WHOLE),
        **dict.fromkeys(("problem", "reason", "created_by"), TEXT),
        **dict.fromkeys(("created_at", "start_at", "started_at", "advanced_at", "finished_at"), MOMENT),
        "changed_by": TEXT,
        "changed_at": MOMENT,
    }
)
_NARROWED = dict.fromkeys(LetterFilter.__slots__, "as in the list of dead letters")


def _letters(sources: Sources, by: Person, pairs: Pairs) -> Rows:
    narrowed = filter_address.from_pairs(pairs)

    def page(after: str | None) -> tuple[Sequence[LetterSummary], str | None]:
        found = console.letters(
            sources.engine, by, narrowed, after, console.MAX_PAGE, redactor=sources.redactor
        )
        return found.letters, found.next

    return _LETTERS.paged(page)


def _groups(sources: Sources, by: Person, pairs: Pairs) -> Rows:
    narrowed, given = filter_address.from_pairs(pairs), dict(pairs)
    order = _one_of("order", given.get("order", "blocked"), get_args(Order))
    state = _one_of("state", given.get("state", "open"), get_args(Shown))

    def page(after: str | None) -> tuple[Sequence[GroupSummary], str | None]:
        found = groups_console.groups(
            sources.engine, by, narrowed, order, state, after, groups_console.MAX_PAGE,
            redactor=sources.redactor, now=sources.clock(),
        )  # fmt: skip
        return found.groups, found.next

    return _GROUPS.paged(page)


def _operations(sources: Sources, by: Person, _pairs: Pairs) -> Rows:
    def page(after: int | None) -> tuple[Sequence[Operation], int | None]:
        found = operations_console.operations(sources.engine, by, after, operations_console.MAX_PAGE)
        return found.operations, found.next

    return _OPERATIONS.paged(page)


def _one_of(name: str, value: str, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise BadParameter(name, value, allowed)
    return value


TABLES = (
    Table("letters", "Dead letters", "/admin/dlq/tasks/", Permission.READ_LETTERS, _letters, _NARROWED),
    Table(
        "groups",
        "Groups of dead letters",
        "/admin/dlq/groups/",
        Permission.READ_LETTERS,
        _groups,
        {
            **_NARROWED,
            "order": "blocked, newest or letters",
            "state": "open, muted, fixed or all; open unless given",
        },
    ),
    Table(
        "operations",
        "Operations on many letters",
        "/admin/dlq/operations/",
        Permission.READ_LETTERS,
        _operations,
    ),
)
