"""The audit's two tables. Each entry has one link, written by the database when its transaction ends.

A link holds the digest of its entry and of the link before, so that nothing in the middle can be changed,
taken out, moved or put in without breaking the chain. `infra.audit.chain` says what is digested.
"""

from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from infra.tables import metadata

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("source", Text),
)
audit_link = Table(
    "audit_link",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
