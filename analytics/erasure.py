"""Erases a person: every event of their sessions, wherever analytics keeps it.

Events, places, waiting events and day files go; the files of before are deleted at once, not after the delay
that readers have otherwise (a reader in between reads the list anew); cached views are forgotten. Killed
halfway, running it again finishes. Not ours to erase: what other parts keep of the person, the files that
events were imported from, and backups.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, Engine, text

from analytics import catalogue, day_files, pending
from analytics.removal import Removed, removable, remove
from analytics.store import EventStore

#: Sessions removed in one transaction; more of one user follow in further ones.
_MOST_SESSIONS = 10_000
_AT_ONCE = dt.timedelta(0)
_OF_USER = text("""
    SELECT DISTINCT session_id FROM onward.event
    WHERE user_id = :user_id AND session_id > :after ORDER BY session_id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Whose:
    """One session, or every session that has an event of one user: whole sessions in either case."""

    kind: Literal["session", "user"]
    id: str

    @property
    def digest(self) -> str:
        """Stands for the id where it must not be kept in the clear."""
        return f"{self.kind}:sha256:{sha256(self.id.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Erased:
    removed: Removed
    cached: int | None  #: cached views forgotten; None when Redis did not answer, or was not asked


class Audit(Protocol):
    """Writes one audit entry on `connection`, so that it stands or falls with the change it describes."""

    def __call__(
        self,
        connection: Connection,
        *,
        actor: str,
        action: str,
        subject: str,
        after: Mapping[str, Any] | None = None,
    ) -> None: ...


def erase(
    engine: Engine,
    store: EventStore,
    whose: Whose,
    *,
    by: str,
    audit: Audit,
    forget_cached: Callable[[], int | None],
) -> Erased:
    """Erase, and say what went. `audit` is told who did it and how much went, and of whose only a digest.

    Waits for a running sync. Always sweeps and forgets, also when nothing is found: that finishes a run that
    was killed. Raises ForeignStore, before anything is removed.
    """

    def note(connection: Connection, removed: Removed) -> None:
        audit(connection, actor=by, action="events.erase", subject=whose.digest, after=asdict(removed))

    with catalogue.locked(engine) as connection:
        store.claim(catalogue.installation(connection))
        removed = Removed()
        for session_ids in _sessions(connection, whose):
            removed += remove(connection, engine, store, session_ids, note)
        pending.clear(connection)
        day_files.sweep(connection, store, after=_AT_ONCE)
    return Erased(removed, forget_cached())


def erasable(engine: Engine, whose: Whose) -> Removed:
    """What `erase` would take out now."""
    with engine.connect() as connection:
        found = [removable(connection, engine, ids) for ids in _sessions(connection, whose)]
    return sum(found, Removed())


def _sessions(connection: Connection, whose: Whose) -> Iterator[list[str]]:
    if whose.kind == "session":
        yield [whose.id]
        return
    after = ""
    while True:
        asked = {"user_id": whose.id, "after": after, "most": _MOST_SESSIONS}
        with connection.begin():
            found = list(connection.execute(_OF_USER, asked).scalars())
        if not found:
            return
        yield found
        after = found[-1]
