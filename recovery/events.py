"""Recording events as a person: whoever is restricted to clients records theirs, in no session of others."""

from collections.abc import Sequence

from sqlalchemy import Engine

from analytics.recording import Recorded, record_batch
from infra.access.roles import Permission, Person


def record(engine: Engine, by: Person, events: Sequence[object]) -> Recorded:
    """Store a batch, as `record_batch`. Raises AccessDenied, and InvalidEvent when there are too many."""
    by.require(Permission.RECORD_EVENTS)
    with engine.begin() as connection:
        return record_batch(connection, events, clients=by.clients)
