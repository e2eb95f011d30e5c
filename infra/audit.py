"""The record of every change a person makes: who, what, before, after, when, from where."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, Identity, Table, Text, func, insert
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


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    source: str | None = None,
) -> None:
    """Write one entry in the caller's transaction, so that change and record stand or fall together.

    `action` is `<noun>.<verb>` ("letter.retry"), `subject` what it was done to ("letter:17"). `before` and
    `after` must already be redacted.
    """
    connection.execute(
        insert(audit_entry).values(
            actor=actor, action=action, subject=subject, before=before, after=after, source=source
        )
    )
