"""What people see of groups and decide about them: the module that pages, REST and the command line call.

Each function takes the person it acts for and checks the permission itself. A decision is one UPDATE of the
group with its audit entry in the same transaction; no letter changes with it. A group is one for all clients:
who is restricted to some sees the letters of these in it, and decides nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select, update

from dlq import store
from dlq.access import READ, RETRY, Actor, Audit
from dlq.errors import UnknownGroup
from dlq.groups import ranking
from dlq.groups.ranking import Clients, Order, Shown
from dlq.groups.summary import GroupPage, GroupState, GroupSummary, summary_of
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.restriction import require_every_client, visible
from dlq.tables import dead_letter, dead_letter_attempt, dead_letter_group
from dlq.times import Clock, to_ms, utc_now

EVERYTHING = LetterFilter()
MAX_PAGE = 100
#: Characters kept of a note and of a release.
MAX_NOTE, MAX_RELEASE = 2000, 100
_LETTERS_LOOKED_AT = 10_000

_group = dead_letter_group.c


def groups(
    engine: Engine,
    by: Actor,
    narrowed: LetterFilter = EVERYTHING,
    order: Order = "blocked",
    state: Shown = "open",
    after: str | None = None,
    limit: int = 25,
    *,
    redactor: Redactor,
    now: datetime,
) -> GroupPage:
    """One page of the groups that have a letter which `narrowed` lets through.

    First those that block most sessions, failed last, or hold most letters. `after` is the `next` of the
    page before, in the same order; else BadCursor.
    """
    by.require(READ)
    narrowed, limit = visible(by, narrowed), max(1, min(limit, MAX_PAGE))
    with store.transaction(engine) as connection:
        rows = ranking.ranked(connection, narrowed, order, state, after, limit + 1, to_ms(now))
        shown = rows[:limit]
        fingerprints = [row["fingerprint"] for row in shown]
        by_hour = ranking.new_by_hour(connection, fingerprints, narrowed.clients, to_ms(now))
    return GroupPage(
        groups=tuple(_shown(by, summary_of(row, by_hour[row["fingerprint"]], redactor)) for row in shown),
        next=ranking.cursor_of(shown[-1], order) if len(rows) > limit else None,
    )


def group(
    engine: Engine,
    by: Actor,
    fingerprint: str,
    *,
    redactor: Redactor,
    now: datetime,
) -> GroupSummary:
    """One group, with or without letters left. Raises UnknownGroup.

    To a reader restricted to clients a group without letters of theirs is unknown.
    """
    by.require(READ)
    clients = visible(by, EVERYTHING).clients
    with store.transaction(engine) as connection:
        found = _summary(connection, fingerprint, redactor, now, clients)
    if clients is not None and not found.letters:
        raise UnknownGroup(fingerprint)
    return _shown(by, found)


def annotate(
    engine: Engine,
    by: Actor,
    fingerprint: str,
    note: str,
    *,
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
) -> GroupSummary:
    """Replace the group's note by the first `MAX_NOTE` characters of `note`. Raises UnknownGroup."""
    by.require(RETRY)
    require_every_client(by)
    note = note.strip()[:MAX_NOTE]
    with store.transaction(engine) as connection:
        before = _locked(connection, fingerprint)
        _change(connection, fingerprint, note=note)
        _write_audit(connection, audit, by, "annotate", before, after={"note": note})
        return _summary(connection, fingerprint, redactor, clock())


def mute(
    engine: Engine,
    by: Actor,
    fingerprint: str,
    until: datetime | None,
    *,
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
) -> GroupSummary:
    """Take the group out of the open ones until a time; with None until somebody opens it again."""
    by.require(RETRY)
    require_every_client(by)
    with store.transaction(engine) as connection:
        until_ms = None if until is None else to_ms(until)
        decision = {"state": GroupState.MUTED, "muted_until_ms": until_ms, "fixed_in": ""}
        _decide(connection, audit, by, "mute", fingerprint, decision, clock())
        return _summary(connection, fingerprint, redactor, clock())


def mark_fixed(
    engine: Engine,
    by: Actor,
    fingerprint: str,
    release: str,
    *,
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
) -> GroupSummary:
    """Say that the cause is gone in `release`; a failure from now on opens the group again.

    Not one in another release that is known to have it: workers of the old release may still run. A failure
    that names no release always counts.
    """
    by.require(RETRY)
    require_every_client(by)
    release = release.strip()[:MAX_RELEASE]
    with store.transaction(engine) as connection:
        decision = {
            "state": GroupState.FIXED,
            "muted_until_ms": None,
            "fixed_in": release,
            "failed_in": sorted(_releases(connection, fingerprint) - {"", release}),
            "reopened_at_ms": None,
        }
        _decide(connection, audit, by, "mark_fixed", fingerprint, decision, clock())
        return _summary(connection, fingerprint, redactor, clock())


def reopen(
    engine: Engine,
    by: Actor,
    fingerprint: str,
    *,
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
) -> GroupSummary:
    """Take back that the group was muted or marked fixed."""
    by.require(RETRY)
    require_every_client(by)
    with store.transaction(engine) as connection:
        decision = {"state": GroupState.OPEN, "muted_until_ms": None, "fixed_in": ""}
        _decide(connection, audit, by, "reopen", fingerprint, decision, clock())
        return _summary(connection, fingerprint, redactor, clock())


def _summary(
    connection: Connection,
    fingerprint: str,
    redactor: Redactor,
    now: datetime,
    clients: Clients = None,
) -> GroupSummary:
    row = ranking.one(connection, fingerprint, clients, to_ms(now))
    if row is None:
        raise UnknownGroup(fingerprint)
    by_hour = ranking.new_by_hour(connection, [fingerprint], clients, to_ms(now))
    return summary_of(row, by_hour[fingerprint], redactor)


def _shown(by: Actor, group: GroupSummary) -> GroupSummary:
    """Without the note for those who see some clients: it may speak of any."""
    return group if by.clients is None else replace(group, note="")


def _decide(
    connection: Connection,
    audit: Audit,
    by: Actor,
    action: str,
    fingerprint: str,
    decision: Mapping[str, Any],
    at: datetime,
) -> None:
    before = _locked(connection, fingerprint)
    _change(connection, fingerprint, **decision, changed_by=by.login, changed_at_ms=to_ms(at))
    _write_audit(connection, audit, by, action, before, after=decision)


def _locked(connection: Connection, fingerprint: str) -> RowMapping:
    statement = select(dead_letter_group).where(_group.fingerprint == fingerprint).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise UnknownGroup(fingerprint)
    return row


def _change(connection: Connection, fingerprint: str, **changes: Any) -> None:
    connection.execute(update(dead_letter_group).where(_group.fingerprint == fingerprint).values(**changes))


def _write_audit(
    connection: Connection, audit: Audit, by: Actor, action: str, before: RowMapping, after: Mapping[str, Any]
) -> None:
    audit(
        connection,
        actor=by.login,
        action=f"group.{action}",
        subject=f"group:{before['fingerprint']}",
        before={name: before[name] for name in after},
        after=dict(after),
    )


def _releases(connection: Connection, fingerprint: str) -> set[str]:
    """The releases in which the group's newest failures happened."""
    newest = (
        select(dead_letter.c.id)
        .where(dead_letter.c.fingerprint == fingerprint)
        .order_by(dead_letter.c.last_failed_at_ms.desc(), dead_letter.c.id.desc())
        .limit(_LETTERS_LOOKED_AT)
    )
    attempt = dead_letter_attempt.c
    statement = select(attempt.release).where(attempt.letter_id.in_(newest)).distinct()
    return set(connection.execute(statement).scalars())
