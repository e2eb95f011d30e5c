"""What people see and do with letters: the one module that pages, REST and the command line call.

Each function takes the person it acts for and checks the permission itself. What shows content takes a
redactor without default: the settings decide how much is masked, not a caller who forgets them.
`waiting_sessions` serves the join with funnels: it shows no content and asks for no permission.
"""

from sqlalchemy import Connection, Engine, RowMapping

from dlq import queries, store
from dlq.access import DELETE, READ, Actor, Audit
from dlq.errors import NotAllowedNow, UnknownLetter
from dlq.letters import Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.times import Clock, from_ms, utc_now
from dlq.views import (
    FilterChoices,
    LetterDetail,
    LetterPage,
    LetterStats,
    LetterSummary,
    WaitsFor,
    detail_of,
    summary_of,
)

EVERYTHING = LetterFilter()
MAX_PAGE = 500
#: Sessions handed to the join at most.
MAX_WAITING = 200_000
_RANKED = 20
_BECOMES = {"discard": "discarded", "restore": "restored"}


def letters(
    engine: Engine,
    by: Actor,
    narrowed: LetterFilter = EVERYTHING,
    after: str | None = None,
    limit: int = 50,
    *,
    redactor: Redactor,
) -> LetterPage:
    """One page of letters, newest failure first. `after` is the `next` of the page before; else BadCursor."""
    by.require(READ)
    limit = max(1, min(limit, MAX_PAGE))
    with store.transaction(engine) as connection:
        rows = queries.letters_page(connection, narrowed, after, limit + 1)
    shown = rows[:limit]
    return LetterPage(
        letters=tuple(summary_of(row, redactor) for row in shown),
        next=queries.cursor_of(shown[-1]) if len(rows) > limit else None,
    )


def letter(engine: Engine, by: Actor, letter_id: int, *, redactor: Redactor, sealer: Sealer) -> LetterDetail:
    """One letter with its arguments, traceback, failed runs and history. Raises UnknownLetter.

    Arguments whose seal cannot be opened are left out; `body_problem` says why.
    """
    by.require(READ)
    with store.transaction(engine) as connection:
        row = store.letter_row(connection, letter_id)
        if row is None:
            raise UnknownLetter(letter_id)
        attempts = queries.attempts_of(connection, letter_id)
        history = queries.history_of(connection, letter_id)
    return detail_of(row, attempts, history, redactor, sealer)


def letter_of_task(engine: Engine, by: Actor, task_id: str) -> int:
    """The newest letter whose failed run or latest retry has this task id. Raises UnknownLetter."""
    by.require(READ)
    with store.transaction(engine) as connection:
        found = queries.letter_of_task(connection, task_id) if task_id else None
    if found is None:
        raise UnknownLetter(f"of task {task_id}")
    return found


def counts(engine: Engine, by: Actor, narrowed: LetterFilter = EVERYTHING) -> dict[Status, int]:
    """Letters in each state; every state has an entry."""
    by.require(READ)
    with store.transaction(engine) as connection:
        found = queries.counts_by(connection, "status", narrowed, len(Status))
    return {status: found.get(status, 0) for status in Status}


def stats(engine: Engine, by: Actor, narrowed: LetterFilter = EVERYTHING) -> LetterStats:
    """Counts by state, kind, category, task and exception type."""
    by.require(READ)
    with store.transaction(engine) as connection:
        by_status = queries.counts_by(connection, "status", narrowed, len(Status))
        oldest_ms = queries.oldest_open_ms(connection)
        ranked = {
            name: queries.counts_by(connection, name, narrowed, _RANKED)
            for name in ("kind", "category", "task_name", "exception_type", "queue")
        }
    return LetterStats(
        total=sum(by_status.values()),
        by_status={status.value: by_status.get(status, 0) for status in Status},
        by_kind=ranked["kind"],
        by_category=ranked["category"],
        by_task_name=ranked["task_name"],
        by_exception_type=ranked["exception_type"],
        by_queue=ranked["queue"],
        oldest_open_at=from_ms(oldest_ms),
    )


def choices(engine: Engine, by: Actor) -> FilterChoices:
    """The values that filters can offer: those present, at most `queries.CHOICES` of each."""
    by.require(READ)
    with store.transaction(engine) as connection:
        return FilterChoices(
            task_names=tuple(queries.values_present(connection, "task_name")),
        )


def discard(
    engine: Engine,
    by: Actor,
    letter_id: int,
    reason: str = "",
    *,
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
) -> LetterSummary:
    """Give the letter up; it can be restored. Raises NotAllowedNow or UnknownLetter."""
    by.require(DELETE)
    with store.transaction(engine) as connection:
        moved = store.discard(connection, letter_id, by=by.login, at=clock(), reason=reason)
        row = _audited(connection, by, "discard", letter_id, moved, reason, audit)
    return summary_of(row, redactor)


def restore(
    engine: Engine,
    by: Actor,
    letter_id: int,
    reason: str = "",
    *,
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
    settings: Settings,
) -> LetterSummary:
    """Bring a discarded letter back, poisoned if it had failed too often. Raises as `discard` does."""
    by.require(DELETE)
    with store.transaction(engine) as connection:
        moved = store.restore(
            connection,
            letter_id,
            by=by.login,
            at=clock(),
            reason=reason,
            poison_attempts=settings.poison_attempts,
        )
        row = _audited(connection, by, "restore", letter_id, moved, reason, audit)
    return summary_of(row, redactor)


def waiting_sessions(engine: Engine) -> dict[str, WaitsFor]:
    """What each session waits for: its latest failure over letters neither resolved nor discarded."""
    with store.reading(engine) as connection:
        rows = queries.waiting_sessions(connection, MAX_WAITING)
    return {
        session_id: WaitsFor(failed_ms, exception, task) for session_id, failed_ms, exception, task in rows
    }


def _audited(
    connection: Connection,
    by: Actor,
    action: str,
    letter_id: int,
    moved: RowMapping | None,
    reason: str,
    audit: Audit,
) -> RowMapping:
    if moved is None:
        row = store.letter_row(connection, letter_id)
        if row is None:
            raise UnknownLetter(letter_id)
        raise NotAllowedNow(letter_id, row["status"], _BECOMES[action])
    audit(
        connection,
        actor=by.login,
        action=f"letter.{action}",
        subject=f"letter:{letter_id}",
        before={"status": moved["from_status"]},
        after={"status": moved["status"], "reason": reason},
    )
    return moved
