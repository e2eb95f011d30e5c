"""What an operation would do, counted and said before anybody starts it. Changes nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Engine, func, literal, select

from dlq import store
from dlq.access import Actor
from dlq.broker.listeners import listeners
from dlq.errors import BadOption
from dlq.letters import Status
from dlq.operations.eligible import expected_states, selected, visible_to
from dlq.operations.records import Action, Options, Selection
from dlq.redaction import Redactor
from dlq.retries.warnings import COUNTS, Destination, risks_in, warnings
from dlq.tables import dead_letter
from dlq.times import Clock, utc_now
from dlq.views import LetterSummary, summary_of

SAMPLE = 10
#: Pairs of task and queue that are told apart; letters beyond the most frequent ones are only in `count`.
DESTINATIONS = 500
#: Letters that can be named one by one.
MAX_NAMED = 10_000
#: Letters a second.
SLOWEST, FASTEST = 0.001, 100_000.0

_AS_BEFORE = Options()
_NEWEST = func.coalesce(func.max(dead_letter.c.id), 0).label("through_id")
_SESSIONS = func.count(dead_letter.c.session_id.distinct()).label("sessions")

_c = dead_letter.c


@dataclass(frozen=True, slots=True)
class BulkPreview:
    action: Action
    selection: Selection
    options: Options
    count: int  #: letters that would be changed
    through_id: int  #: the newest of them
    sample: tuple[LetterSummary, ...]  #: the newest SAMPLE
    sends: str  #: what will happen, in one sentence
    warnings: tuple[str, ...]
    sessions: int  #: different sessions behind these letters
    poisoned: int  #: of the selection; in `count` only when they would be changed
    by_task: Mapping[str, int]  #: letters, most frequent first
    by_queue: Mapping[str, int]  #: by the queue that each would go to


def preview(
    engine: Engine,
    by: Actor,
    action: Action,
    selection: Selection,
    options: Options = _AS_BEFORE,
    *,
    redactor: Redactor,
    clock: Clock = utc_now,
) -> BulkPreview:
    """Count what `start` would change now, among the letters that the person may see.

    Raises BadOption for a rate or a selection out of range.
    """
    by.require(action.permission)
    _check(selection, options)
    selection = visible_to(by, selection)
    now = clock()
    chosen = selected(selection, expected_states(action, options), now)
    with store.transaction(engine) as connection:
        counted = connection.execute(select(*COUNTS, _NEWEST, _SESSIONS).where(chosen)).mappings().one()
        going = _destinations(connection, chosen, options)
        warned: tuple[str, ...] = ()
        if action is Action.RETRY and counted["letters"]:
            warned = warnings(risks_in(counted), going, listeners(connection, now))
        return BulkPreview(
            action=action,
            selection=selection,
            options=options,
            count=counted["letters"],
            through_id=counted["through_id"],
            sample=_sample(connection, chosen, redactor),
            sends=_sends(action, options, counted["letters"], now),
            warnings=warned,
            sessions=counted["sessions"],
            poisoned=count(connection, selected(selection, (Status.POISONED,), now)),
            by_task=_summed((each.task_name, each.letters) for each in going),
            by_queue=_summed((each.queue, each.letters) for each in going),
        )


def count(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(dead_letter).where(which)).scalar_one()


def _check(selection: Selection, options: Options) -> None:
    if len(selection.letter_ids) > MAX_NAMED:
        raise BadOption(f"Not more than {MAX_NAMED:,} letters can be named one by one; use a filter")
    rate = options.rate_per_second
    if rate is not None and not SLOWEST <= rate <= FASTEST:
        raise BadOption(f"A rate must lie between {SLOWEST} and {FASTEST:,.0f} letters a second")


def _destinations(
    connection: Connection, chosen: ColumnElement[bool], options: Options
) -> Sequence[Destination]:
    queue = literal(options.queue) if options.queue else _c.queue
    letters = func.count()
    statement = (
        select(_c.task_name, queue.label("queue"), letters.label("letters"))
        .where(chosen)
        .group_by("task_name", "queue")
        .order_by(letters.desc())
        .limit(DESTINATIONS)
    )
    return [Destination(**row) for row in connection.execute(statement).mappings()]


def _sample(
    connection: Connection, chosen: ColumnElement[bool], redactor: Redactor
) -> tuple[LetterSummary, ...]:
    newest = select(dead_letter).where(chosen).order_by(_c.id.desc()).limit(SAMPLE)
    return tuple(summary_of(row, redactor) for row in connection.execute(newest).mappings())


def _summed(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums = Counter[str]()
    for name, letters in counted:
        sums[name] += letters
    return dict(sums.most_common())


def _sends(action: Action, options: Options, letters: int, now: datetime) -> str:
    if not letters:
        return "No letter matches: nothing will happen."
    things = "1 letter" if letters == 1 else f"{letters:,} letters"
    if action is Action.RETRY:
        where = f"queue {options.queue}" if options.queue else "the queue that each came from"
        what = f"The tasks of {things} are sent again to {where}"
    else:
        what = f"{things} {'is' if letters == 1 else 'are'} {_BECOMES[action]}"
    return f"{what}{_pace(options.rate_per_second, letters)}{_beginning(options, now)}."


_BECOMES = {Action.DISCARD: "discarded, and can be restored for a while", Action.RESTORE: "brought back"}


def _pace(rate: float | None, letters: int) -> str:
    return "" if rate is None else f", {rate:g} a second, in about {max(1, round(letters / rate)):,} s"


def _beginning(options: Options, now: datetime) -> str:
    start_at = options.start_at
    if start_at is None:
        return ""
    if start_at <= now:
        return ", at once: the time to start at is past"
    return f", not before {start_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
