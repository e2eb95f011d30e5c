"""Every statement that reads groups: which ones a list shows, in which order, and what they count.

A filter chooses the groups; the counts are of all letters of each, or of all that a reader restricted to
some clients may see. Letters are counted in the tally, sessions along an index of open letters alone. Pages
follow each other by keyset on the ranked number and the fingerprint: a group whose number moves between two
pages may show twice or not.
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
    literal,
    select,
    tuple_,
)

from dlq import queries
from dlq.counting import in_tally, tally_conditions
from dlq.errors import BadCursor
from dlq.groups.summary import GroupState
from dlq.letters import OPEN, Status
from dlq.queries import LetterFilter
from dlq.tables import dead_letter, dead_letter_group, dead_letter_tally
from dlq.tally import HOUR_MS

Order = Literal["blocked", "newest", "letters"]
Shown = Literal["open", "muted", "fixed", "all"]
#: Whose letters count; None: everybody's, also those without a client.
Clients = tuple[str, ...] | None

HOURS = 24
#: Letters looked at, newest first, for the groups that a filter leaves which the tally cannot answer.
MAX_LOOKED_AT = 10_000

_RANKED_BY = {"blocked": "sessions_blocked", "newest": "last_seen_ms", "letters": "letters"}
_CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{16})")

_group, _c, _t = dead_letter_group.c, dead_letter.c, dead_letter_tally.c


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
    clients = narrowed.clients
    before = None if after is None else _position(after)
    those: list[ColumnElement[bool]] = _among(narrowed)
    if shown != "all":
        those.append(_state(now_ms) == shown)
    if order != "blocked":
        counted = _counted(now_ms, clients, _sessions_blocked(clients)).where(*those).subquery()
        statement = select(counted).where(counted.c.letters > 0)
    else:
        most = _most_blocking(connection, those, clients, before, limit)
        known = case(most, value=_group.fingerprint) if most else literal(0)
        counted = _counted(now_ms, clients, known).where(_group.fingerprint.in_(most)).subquery()
        statement = select(counted)
    rank = counted.c[_RANKED_BY[order]]
    if before is not None:
        statement = statement.where(tuple_(rank, counted.c.fingerprint) < tuple_(*before))
    statement = statement.order_by(rank.desc(), counted.c.fingerprint.desc()).limit(limit)
    return connection.execute(statement).mappings().all()


def _most_blocking(
    connection: Connection,
    those: Sequence[ColumnElement[bool]],
    clients: Clients,
    before: tuple[int, str] | None,
    limit: int,
) -> dict[str, int]:
    """Sessions blocked by each of the `limit` groups of `those` that block most, after the position `before`.

    Counting sessions means reading all open letters of a group. A group blocks at most as many sessions as
    it has open letters, which the tally knows: so groups are counted from the one with most of them on, until
    those that are left have too few to come in between.
    """
    by_group = _by_group(clients)
    candidates = connection.execute(
        select(_group.fingerprint, by_group.c.open)
        .join(by_group, by_group.c.fingerprint == _group.fingerprint)
        .where(by_group.c.letters > 0, *those)
        .order_by(by_group.c.open.desc(), _group.fingerprint.desc())
    ).all()
    ranked: list[tuple[int, str]] = []
    for first in range(0, len(candidates), limit):
        following = candidates[first : first + limit]
        if len(ranked) >= limit and ranked[limit - 1][0] > following[0].open:
            break
        fingerprints = [candidate.fingerprint for candidate in following]
        sessions = select(_sessions_blocked(clients), _group.fingerprint)
        counted = connection.execute(sessions.where(_group.fingerprint.in_(fingerprints)))
        found = ((number, fingerprint) for number, fingerprint in counted)
        ranked += [one for one in found if before is None or one < before]
        ranked.sort(reverse=True)
    return {fingerprint: number for number, fingerprint in ranked[:limit]}


def cursor_of(row: RowMapping, order: Order) -> str:
    return f"{row[_RANKED_BY[order]]}-{row['fingerprint']}"


def one(connection: Connection, fingerprint: str, clients: Clients, now_ms: int) -> RowMapping | None:
    """The group of this fingerprint, with or without letters."""
    counted = _counted(now_ms, clients, _sessions_blocked(clients))
    statement = counted.where(_group.fingerprint == fingerprint)
    return connection.execute(statement).mappings().one_or_none()


def new_by_hour(
    connection: Connection, fingerprints: Collection[str], clients: Clients, now_ms: int
) -> dict[str, tuple[int, ...]]:
    """For each fingerprint, its new letters in each of the last 24 hours of the clock, oldest first."""
    source = _letters(clients)
    first_hour = now_ms // HOUR_MS - HOURS + 1
    hour = (source.c.bucket_ms // HOUR_MS - first_hour).label("hour")
    statement = (
        select(source.c.fingerprint, hour, func.sum(source.c.letters))
        .where(source.c.fingerprint.in_(fingerprints))
        .where(source.c.bucket_ms.between(first_hour * HOUR_MS, now_ms))
        .group_by(source.c.fingerprint, hour)
    )
    counts = {fingerprint: [0] * HOURS for fingerprint in fingerprints}
    for fingerprint, hour_of_day, letters in connection.execute(statement):
        counts[fingerprint][hour_of_day] = letters
    return {fingerprint: tuple(hours) for fingerprint, hours in counts.items()}


def _counted(now_ms: int, clients: Clients, sessions_blocked: ColumnElement[int]) -> Select[Any]:
    by_group = _by_group(clients)
    numbers = ("letters", "waiting", "retrying")
    others = [column for column in _group if column is not _group.first_seen_ms]
    return select(
        *others,
        (_group.first_seen_ms if clients is None else by_group.c.first_seen_ms).label("first_seen_ms"),
        _state(now_ms).label("shown_state"),
        *(func.coalesce(by_group.c[name], 0).label(name) for name in numbers),
        sessions_blocked.label("sessions_blocked"),
        _last_seen_ms(clients).label("last_seen_ms"),
    ).outerjoin(by_group, by_group.c.fingerprint == _group.fingerprint)


def _by_group(clients: Clients) -> FromClause:
    source = _letters(clients)
    letters = func.sum(source.c.letters)
    waiting = source.c.status.in_((Status.DEAD, Status.POISONED))
    is_open = source.c.status.in_(OPEN)
    return (
        select(
            source.c.fingerprint,
            letters.label("letters"),
            letters.filter(waiting).label("waiting"),
            letters.filter(source.c.status == Status.RETRYING).label("retrying"),
            func.coalesce(letters.filter(is_open), 0).label("open"),
            func.min(source.c.bucket_ms).label("first_seen_ms"),
        )
        .group_by(source.c.fingerprint)
        .subquery()
    )


def _letters(clients: Clients) -> FromClause:
    """Rows of fingerprint, status and bucket_ms with the number of letters that they stand for."""
    if clients is None:
        return dead_letter_tally
    bucket = _c.first_failed_at_ms.label("bucket_ms")
    one_each = literal(1).label("letters")
    return select(_c.fingerprint, _c.status, bucket, one_each).where(*_visible(clients)).subquery()


def _visible(clients: Clients) -> list[ColumnElement[bool]]:
    return queries.conditions(LetterFilter(clients=clients))


def _sessions_blocked(clients: Clients) -> ScalarSelect[int]:
    is_open = queries.conditions(LetterFilter(status=OPEN, clients=clients))
    sessions = (
        select(_c.session_id)
        .where(_c.fingerprint == _group.fingerprint, _c.session_id.is_not(None), *is_open)
        .correlate(dead_letter_group)
        .distinct()
        .subquery()
    )
    return select(func.count()).select_from(sessions).scalar_subquery()


def _last_seen_ms(clients: Clients) -> ScalarSelect[int]:
    return (
        select(func.max(_c.last_failed_at_ms))
        .where(_c.fingerprint == _group.fingerprint, *_visible(clients))
        .correlate(dead_letter_group)
        .scalar_subquery()
    )


def _state(now_ms: int) -> ColumnElement[str]:
    over = (_group.state == GroupState.MUTED) & (_group.muted_until_ms <= now_ms)
    return case((over, GroupState.OPEN), else_=_group.state)


def _among(narrowed: LetterFilter) -> list[ColumnElement[bool]]:
    """That a group has a letter which `narrowed` lets through."""
    if narrowed == LetterFilter(clients=narrowed.clients):
        return []
    if in_tally(narrowed):
        summed = select(_t.fingerprint).where(*tally_conditions(narrowed)).group_by(_t.fingerprint)
        return [_group.fingerprint.in_(summed.having(func.sum(_t.letters) > 0))]
    matching = select(_c.fingerprint).where(*queries.conditions(narrowed))
    newest = matching.order_by(*queries.NEWEST).limit(MAX_LOOKED_AT).subquery()
    return [_group.fingerprint.in_(select(newest.c.fingerprint))]


def _position(cursor: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadCursor(cursor)
    return int(match[1]), match[2]
