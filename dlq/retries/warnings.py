"""What a person should know before pressing retry, about one letter or about many."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import RowMapping, func

from dlq.broker.listeners import Listeners
from dlq.envelope import Body
from dlq.letters import Kind
from dlq.retries.publishing import takes_another_id
from dlq.tables import dead_letter

#: Queues, and tasks, that are named one by one.
NAMED = 5

_CUT_OFF = (Kind.WORKER_LOST, Kind.HARD_TIMEOUT, Kind.POISON, Kind.VANISHED)
# Their run never began, so it cannot have failed the chord.
_NEVER_RAN = (Kind.UNREGISTERED, Kind.MALFORMED, Kind.LOST, Kind.UNPUBLISHED)

_SECOND_RUN = {
    "outcome_unknown": "Outcome unknown: the task may have finished; only storing its result failed",
    "cut_off": "The task was cut off while it ran: part of its work may be done already",
    "not_idempotent": "The task is not declared idempotent: a second run may have its effects twice",
    "in_failed_chord": "The task is part of a chord that has failed: its callback will not run",
    "unread": "Id, tries and expiry of the task stand in a body that is not read: they stay as they are",
    "in_group": "The task is part of a group: if that led to a chord, the callback will not run",
}

_c = dead_letter.c


@dataclass(frozen=True, slots=True)
class Risks:
    """How many of `letters` each warning is about."""

    letters: int
    outcome_unknown: int
    cut_off: int
    not_idempotent: int
    in_failed_chord: int = 0
    unread: int = 0
    in_group: int = 0  #: whether the group heads a chord stands in the body, which is not read of many


#: Columns of a SELECT over letters; `risks_in` reads its row.
COUNTS = (
    func.count().label("letters"),
    func.count().filter(_c.kind == Kind.OUTCOME_UNKNOWN).label("outcome_unknown"),
    func.count().filter(_c.kind.in_(_CUT_OFF)).label("cut_off"),
    func.count().filter(_c.idempotent.is_not(True)).label("not_idempotent"),
    func.count()
    .filter(~_c.headers.has_key("task"), _c.task_name == "", _c.kind != Kind.MALFORMED)
    .label("unread"),
    func.count().filter(_c.headers["group"].astext != "", _c.kind.not_in(_NEVER_RAN)).label("in_group"),
)


def risks_in(counted: RowMapping) -> Risks:
    return Risks(**{column.name: counted[column.name] for column in COUNTS})


def risks_of(row: RowMapping, body: Body) -> Risks:
    """The risks of one letter, whose message has `body`."""
    chord = (body.options or {}).get("chord")
    return Risks(
        letters=1,
        outcome_unknown=row["kind"] == Kind.OUTCOME_UNKNOWN,
        cut_off=row["kind"] in _CUT_OFF,
        not_idempotent=not row["idempotent"],
        in_failed_chord=bool(chord) and row["kind"] not in _NEVER_RAN,
        unread=not takes_another_id(row) and row["kind"] != Kind.MALFORMED,
    )


@dataclass(frozen=True, slots=True)
class Destination:
    """Where so many letters would go, and as which task."""

    task_name: str
    queue: str
    letters: int


def warnings(risks: Risks, going: Iterable[Destination], listening: Listeners) -> tuple[str, ...]:
    return (*_of_destinations(going, listening, risks.letters), *_of_second_runs(risks))


def _of_second_runs(risks: Risks) -> Iterator[str]:
    for risk, sentence in _SECOND_RUN.items():
        if letters := getattr(risks, risk):
            yield f"{sentence}{_share(letters, risks.letters)}."


def _of_destinations(going: Iterable[Destination], listening: Listeners, letters: int) -> Iterator[str]:
    if not listening.workers:
        yield "No worker reports now: whether anybody will run this cannot be said."
        return
    unheard, unknown = Counter[str](), Counter[str]()
    for each in going:
        if each.queue not in listening.queues:
            unheard[each.queue] += each.letters
        if each.task_name not in listening.tasks:
            unknown[each.task_name] += each.letters
    yield from _named("No worker listens on queue", unheard, letters)
    yield from _named("No reporting worker has registered the task", unknown, letters)


def _named(sentence: str, counted: Counter[str], letters: int) -> Iterator[str]:
    for name, number in counted.most_common(NAMED):
        yield f"{sentence} {name or '(without a name)'}{_share(number, letters)}."
    if len(counted) > NAMED:
        yield f"{sentence} in {len(counted) - NAMED} more cases."


def _share(number: int, letters: int) -> str:
    return "" if letters == 1 else f" ({number:,} of {letters:,} letters)"
