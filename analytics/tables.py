"""The tables of events, of the catalogue that says which column files count, and of funnel definitions."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import UserDefinedType

metadata = MetaData(schema="onward")


class Xid8(UserDefinedType[str]):
    """A 64-bit transaction id; as text in Python, because drivers know no such type."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


event = Table(
    "event",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("client_id", Text),
    Column("user_id", Text),
    Column("properties", JSONB),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Index("event_by_xid", "xid"),
    Index("event_by_session", "session_id", "occurred_at"),
)

#: Where the rows of a session lie: its UTC day of first event, and the file of that day.
event_session = Table(
    "event_session",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("part", Integer, nullable=False),
)

#: Work of the sync that runs now, empty otherwise: the sessions with new events, and where they go.
event_sync_session = Table(
    "event_sync_session",
    metadata,
    Column("session_id", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("part", Integer, nullable=False),
    Column("old_day", Date),
    Column("old_part", Integer),
    Column("events", BigInteger, nullable=False),
    prefixes=["UNLOGGED"],
)

event_partition = Table(
    "event_partition",
    metadata,
    Column("path", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("part", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("sessions", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("profile", JSONB, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("superseded_at", DateTime(timezone=True)),
    Index("event_partition_live", "day", "part", unique=True, postgresql_where=text("superseded_at IS NULL")),
)

#: One row, absent before the first sync. The live files hold exactly the events of transactions below
#: `watermark` that occurred up to `horizon`; the store's marker says `installation`.
event_sync = Table(
    "event_sync",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("watermark", Xid8, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("synced_at", DateTime(timezone=True)),
    Column("horizon", DateTime(timezone=True), nullable=False, server_default="-infinity"),
    Column("installation", UUID, nullable=False, server_default=func.gen_random_uuid()),
)

#: The events below the watermark that occurred past the horizon: they are taken in when it gets there.
event_waiting = Table(
    "event_waiting",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Index("event_waiting_by_time", "occurred_at"),
)

#: The properties that have a column in the files.
event_property = Table("event_property", metadata, Column("name", Text, primary_key=True))

event_import = Table(
    "event_import",
    metadata,
    Column("id", UUID, primary_key=True, server_default=func.gen_random_uuid()),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("progressed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("rows_read", BigInteger, nullable=False, server_default="0"),
    Column("accepted", BigInteger, nullable=False, server_default="0"),
    Column("duplicates", BigInteger, nullable=False, server_default="0"),
    Column("rejected", BigInteger, nullable=False, server_default="0"),
)

funnel_definition = Table(
    "funnel_definition",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB, nullable=False),
    Column("saved_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("saved_by", Text, nullable=False),
)

#: The funnels that are no longer offered; their versions stay.
funnel_archive = Table(
    "funnel_archive",
    metadata,
    Column("name", Text, primary_key=True),
    Column("archived_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("archived_by", Text, nullable=False),
)
