"""Guessing is slowed down: failed sign-ins are counted for the login and for the address they come from.

Past a few free ones each failure doubles the pause before the next attempt, up to `LONGEST_PAUSE`. The counts
are stored, so a restart forgives nothing; a day without an attempt does. An attempt counts as failed before
the password is looked at, so that many at once are no way around it. Nobody is locked out for longer than the
longest pause, and links and sessions work on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from infra.access import opaque
from infra.access.tables import sign_in_failure
from infra.errors import TooManyFailures

FREE_PER_LOGIN = 5
#: An office shares an address.
FREE_PER_ADDRESS = 20
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=15)
FORGIVEN_AFTER = timedelta(days=1)
_MOST_DOUBLINGS = 20
_FORGOTTEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that counts as failed until it is forgiven."""

    login_key: bytes
    address_key: bytes | None
    #: This failure is the first one of its login that is followed by a pause.
    begins_pause: bool


def count(connection: Connection, login: str, source: str | None, *, now: datetime) -> Attempt:
    """Count an attempt in the caller's transaction. Raises TooManyFailures while a pause lasts."""
    login_key = opaque.digest(f"login:{login}")
    address_key = None if source is None else opaque.digest(f"address:{source}")
    _forget(connection, now)
    failures = _count(connection, login_key, FREE_PER_LOGIN, now)
    if address_key is not None:
        _count(connection, address_key, FREE_PER_ADDRESS, now)
    return Attempt(login_key, address_key, failures == FREE_PER_LOGIN)


def forgive(connection: Connection, attempt: Attempt, *, now: datetime) -> None:
    """The password was right: the login begins anew, and this attempt does not count for the address."""
    connection.execute(delete(sign_in_failure).where(sign_in_failure.c.key_sha256 == attempt.login_key))
    connection.execute(
        update(sign_in_failure)
        .where(sign_in_failure.c.key_sha256 == attempt.address_key)
        .values(failures=func.greatest(sign_in_failure.c.failures - 1, 0), blocked_until=now)
    )


def pause_after(failures: int, free: int) -> timedelta:
    """How long to wait after this many failures in a row."""
    beyond = failures - free
    if beyond < 0:
        return timedelta()
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(beyond, _MOST_DOUBLINGS)))


def _count(connection: Connection, key: bytes, free: int, now: datetime) -> int:
    """The failures of `key`, this one included."""
    new = insert(sign_in_failure).values(key_sha256=key, failures=0, last_at=now, blocked_until=now)
    held = new.on_conflict_do_update(
        index_elements=["key_sha256"], set_={"failures": sign_in_failure.c.failures}
    )
    row = connection.execute(held.returning(sign_in_failure)).one()
    if row.blocked_until > now:
        raise TooManyFailures(ceil((row.blocked_until - now).total_seconds()))
    failures: int = row.failures + 1
    connection.execute(
        update(sign_in_failure)
        .where(sign_in_failure.c.key_sha256 == key)
        .values(failures=failures, last_at=now, blocked_until=now + pause_after(failures, free))
    )
    return failures


def _forget(connection: Connection, now: datetime) -> None:
    old = (
        select(sign_in_failure.c.key_sha256)
        .where(sign_in_failure.c.last_at < now - FORGIVEN_AFTER)
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)  # waiting for another attempt could be waiting for each other
    )
    connection.execute(delete(sign_in_failure).where(sign_in_failure.c.key_sha256.in_(old)))
