"""Sign-in links and sessions. Only the hash of a token is stored, so a copy of the table opens nothing."""

from sqlalchemy import Column, DateTime, LargeBinary, Table, Text, func

from infra.tables import metadata

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("login", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)

sign_in_session = Table(
    "sign_in_session",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("login", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
