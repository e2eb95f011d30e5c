"""What people see and do with letters: the one module that pages, REST and the command line call.

Each function takes the person it acts for, checks the permission itself, and leaves out what a restriction to
clients hides. What shows content takes a redactor without default: the settings decide how much is masked,
not a caller who forgets them. `waiting_sessions` serves the join with funnels and asks for no permission.
"""

from sqlalchemy import Connection, Engine, RowMapping

from dlq import counting, queries, runs, search, store
from dlq.access import DELETE, READ, Actor, Audit
from dlq.counting import Counted
from dlq.errors import NotAllowedNow, TooFar, UnknownLetter
from dlq.letters import Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.restriction import visible
from dlq.sealing import Sealer
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
#: Letters that a page can lie behind, when it is named by their number.
MAX_SKIP = 10_000
#: Sessions handed to the join at most.
MAX_WAITING = 200_000
_RANKED = 20
_COUNTED = ("status", "kind", "category", "task_name", "exception_type", "queue")
_OFFERED = ("task_name", "queue", "exception_type")
_BECOMES = {"discard": "discarded", "restore": "restored"}


def letters(
    engine: Engine,
    by: Actor,
    narrowed: LetterFilter = EVERYTHING,
    after: str | None = None,
    limit: int = 50,
    *,
    skip: int = 0,
    redactor: Redactor,
) -> LetterPage:
    """One page of letters, newest failure first. `after` is the `next` of the page before; else BadCursor.

    `skip` passes over that many letters first, at most MAX_SKIP: they are read, so `after` is the way to go
    far. A page of a text search may hold fewer letters than `limit`, even none, and still have a next one.
    Raises TooFar.
    """
    by.require(READ)
    narrowed, limit = visible(by, narrowed), max(1, min(limit, MAX_PAGE))
    if not 0 <= skip <= MAX_SKIP:
        raise TooFar(skip, MAX_SKIP)
    read = _reader(narrowed)
    with store.transaction(engine) as connection:
        while skip:
            passed, after = read(connection, narrowed, after, min(skip, MAX_PAGE))
            if after is None:
                return LetterPage(letters=(), next=None)
            skip -= len(passed)
        rows, following = read(connection, narrowed, after, limit)
    return LetterPage(letters=tuple(summary_of(row, redactor) for row in rows), next=following)


def letter(engine: Engine, by: Actor, letter_id: int, *, redactor: Redactor, sealer: Sealer) -> LetterDetail:
    """One letter with its arguments, traceback, failed runs and history. Raises UnknownLetter.

    Arguments whose seal cannot be opened are left out; `body_problem` says why.
    """
    by.require(READ)
    with store.transaction(engine) as connection:
        row = store.letter_row(connection, letter_id, by.clients)
        if row is None:
            raise UnknownLetter(letter_id)
        attempts = queries.attempts_of(connection, letter_id)
        history = queries.history_of(connection, letter_id)
    return detail_of(row, attempts, history, redactor, sealer)


def letter_of_task(engine: Engine, by: Actor, task_id: str) -> int:
    """The newest letter whose failed run or latest retry has this task id. Raises UnknownLetter."""
    by.require(READ)
    narrowed = visible(by, LetterFilter(task_id=task_id))
    with store.transaction(engine) as connection:
        found = queries.newest(connection, narrowed) if task_id else None
    if found is None:
        raise UnknownLetter(f"of task {task_id}")
    return found


def count(engine: Engine, by: Actor, narrowed: LetterFilter = EVERYTHING) -> Counted:
    """How many letters match."""
    by.require(READ)
    with store.transaction(engine) as connection:
        return counting.count(connection, visible(by, narrowed))


def counts(engine: Engine, by: Actor, narrowed: LetterFilter = EVERYTHING) -> dict[Status, int]:
    """Letters in each state, every state has an entry; of `counting.CAP` letters when counting ends there."""
    by.require(READ)
    with store.transaction(engine) as connection:
        found = counting.breakdown(connection, ("status",), visible(by, narrowed), len(Status)).by["status"]
    return {status: found.get(status, 0) for status in Status}


def stats(engine: Engine, by: Actor, narrowed: LetterFilter = EVERYTHING) -> LetterStats:
    """Counts by state, kind, category, task, exception type and queue."""
    by.require(READ)
    narrowed = visible(by, narrowed)
    with store.transaction(engine) as connection:
        found = counting.breakdown(connection, _COUNTED, narrowed, _RANKED)
        oldest_ms = runs.oldest_open_ms(connection, narrowed)
    return LetterStats(
        total=found.total.count,
        capped=found.total.capped,
        by_status={status.value: found.by["status"].get(status, 0) for status in Status},
        by_kind=found.by["kind"],
        by_category=found.by["category"],
        by_task_name=found.by["task_name"],
        by_exception_type=found.by["exception_type"],
        by_queue=found.by["queue"],
        oldest_open_at=from_ms(oldest_ms),
    )


def choices(engine: Engine, by: Actor) -> FilterChoices:
    """The values that filters can offer, at most CHOICES of each.

    Under a restriction to clients those of `counting.CAP` letters are offered.
    """
    by.require(READ)
    with store.transaction(engine) as connection:
        if by.clients is None:
            offered = {name: queries.values_present(connection, name) for name in _OFFERED}
        else:
            theirs = visible(by, EVERYTHING)
            found = counting.breakdown(connection, _OFFERED, theirs, queries.CHOICES)
            offered = {name: sorted(values) for name, values in found.by.items()}
    return FilterChoices(
        task_names=tuple(offered["task_name"]),
        queues=tuple(offered["queue"]),
        exception_types=tuple(offered["exception_type"]),
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
        _check_visible(connection, by, letter_id)
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
) -> LetterSummary:
    """Bring a discarded letter back as what it was, dead or poisoned. Raises as `discard` does."""
    by.require(DELETE)
    with store.transaction(engine) as connection:
        _check_visible(connection, by, letter_id)
        moved = store.restore(connection, letter_id, by=by.login, at=clock(), reason=reason)
        row = _audited(connection, by, "restore", letter_id, moved, reason, audit)
    return summary_of(row, redactor)


def waiting_sessions(engine: Engine, by: Actor) -> dict[str, WaitsFor]:
    """What each session waits for: its latest failure over letters neither resolved nor discarded."""
    with store.reading(engine) as connection:
        rows = queries.waiting_sessions(connection, visible(by, EVERYTHING), MAX_WAITING)
    return {
        session_id: WaitsFor(failed_ms, exception, task) for session_id, failed_ms, exception, task in rows
    }


def _reader(narrowed: LetterFilter) -> queries.Reader:
    if narrowed.text:
        return search.letters_page
    return runs.letters_page if runs.narrowed_by_several(narrowed) else queries.letters_page


def _check_visible(connection: Connection, by: Actor, letter_id: int) -> None:
    if by.clients is not None and store.letter_row(connection, letter_id, by.clients) is None:
        raise UnknownLetter(letter_id)


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
        row = store.letter_row(connection, letter_id, by.clients)
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
