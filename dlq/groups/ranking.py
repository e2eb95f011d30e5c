"""Every statement that reads groups: which ones a list shows, in which order, and what they count.

A filter chooses the groups; the counts are of all letters of each. Pages follow each other by keyset on the
ranked number and the fingerprint, so a group whose number moves between two pages may show twice or not.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    RowMapping,
    ScalarSelect,
    Select,
    case,
    func,
    select,
    true,
    tuple_,
)

from dlq import queries
from dlq.errors import BadCursor
from dlq.groups.summary import GroupState
from dlq.letters import OPEN, Status
from dlq.queries import LetterFilter
from dlq.tables import dead_letter, dead_letter_group

Order = Literal["blocked", "newest", "letters"]
Shown = Literal["open", "muted", "fixed", "all"]

HOURS = 24
HOUR_MS = 3_600_000

_RANKED_BY = {"blocked": "sessions_blocked", "newest": "last_seen_ms", "letters": "letters"}
_CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{16})")
_EVERYTHING = LetterFilter()

_group = dead_letter_group.c
_c = dead_letter.c


def ranked(
    connection: Connection,
    narrowed: LetterFilter,
    order: Order,
    shown: Shown,
    after: str | None,
    limit: int,
    now_ms: int,
) -> Sequence[RowMapping]:
    """Up to `limit` groups with at least one stored letter, the highest number first."""
    counted = _counted(now_ms).where(*_among(narrowed)).subquery()
    rank = counted.c[_RANKED_BY[order]]
    statement = select(counted).where(counted.c.letters > 0)
    if shown != "all":
        statement = statement.where(counted.c.shown_state == shown)
    if after is not None:
        statement = statement.where(tuple_(rank, counted.c.fingerprint) < tuple_(*_position(after)))
    statement = statement.order_by(rank.desc(), counted.c.fingerprint.desc()).limit(limit)
    return connection.execute(statement).mappings().all()


def cursor_of(row: RowMapping, order: Order) -> str:
    return f"{row[_RANKED_BY[order]]}-{row['fingerprint']}"


def one(connection: Connection, fingerprint: str, now_ms: int) -> RowMapping | None:
    """The group of this fingerprint, with or without letters."""
    statement = _counted(now_ms).where(_group.fingerprint == fingerprint)
    return connection.execute(statement).mappings().one_or_none()


def new_by_hour(
    connection: Connection, fingerprints: Collection[str], now_ms: int
) -> dict[str, tuple[int, ...]]:
    """For each fingerprint, its new letters in each of the last 24 hours of the clock, oldest first."""
    first_hour = now_ms // HOUR_MS - HOURS + 1
    hour = _c.first_failed_at_ms / HOUR_MS
    statement = (
        select(_c.fingerprint, func.floor(hour) - first_hour, func.count())
        .where(_c.fingerprint.in_(fingerprints), _c.first_failed_at_ms >= first_hour * HOUR_MS)
        .where(_c.last_failed_at_ms >= first_hour * HOUR_MS)
        .group_by(_c.fingerprint, func.floor(hour))
    )
    counts = {fingerprint: [0] * HOURS for fingerprint in fingerprints}
    for fingerprint, place, letters in connection.execute(statement):
        counts[fingerprint][min(int(place), HOURS - 1)] += letters
    return {fingerprint: tuple(hours) for fingerprint, hours in counts.items()}


def _counted(now_ms: int) -> Select[Any]:
    letters = _letters()
    return select(
        dead_letter_group,
        _state(now_ms).label("shown_state"),
        letters.c.letters,
        letters.c.waiting,
        letters.c.retrying,
        _sessions_blocked().label("sessions_blocked"),
        _last_seen_ms().label("last_seen_ms"),
    ).join(letters, true())


def _letters() -> FromClause:
    open_letters = func.count().filter
    return (
        select(
            func.count().label("letters"),
            open_letters(_c.status.in_((Status.DEAD, Status.POISONED))).label("waiting"),
            open_letters(_c.status == Status.RETRYING).label("retrying"),
        )
        .where(_c.fingerprint == _group.fingerprint)
        .lateral()
    )


def _sessions_blocked() -> ScalarSelect[int]:
    sessions = (
        select(_c.session_id)
        .where(_c.fingerprint == _group.fingerprint, _c.status.in_(OPEN), _c.session_id.is_not(None))
        .correlate(dead_letter_group)
        .distinct()
        .subquery()
    )
    return select(func.count()).select_from(sessions).scalar_subquery()


def _last_seen_ms() -> ScalarSelect[int]:
    return (
        select(func.max(_c.last_failed_at_ms))
        .where(_c.fingerprint == _group.fingerprint)
        .correlate(dead_letter_group)
        .scalar_subquery()
    )


def _state(now_ms: int) -> ColumnElement[str]:
    over = (_group.state == GroupState.MUTED) & (_group.muted_until_ms <= now_ms)
    return case((over, GroupState.OPEN), else_=_group.state)


def _among(narrowed: LetterFilter) -> list[ColumnElement[bool]]:
    if narrowed == _EVERYTHING:
        return []
    return [_group.fingerprint.in_(select(_c.fingerprint).where(*queries.conditions(narrowed)))]


def _position(cursor: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadCursor(cursor)
    return int(match[1]), match[2]
