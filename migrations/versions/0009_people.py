"""Accounts, restrictions to clients, tokens, and failed sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = "onward"
ADMIN_SEES_ALL = "role <> 'admin' OR clients IS NULL"


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("login", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("clients", sa.ARRAY(sa.Text)),
        sa.Column("password_hash", sa.Text),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(ADMIN_SEES_ALL, name="ck_person_clients"),
        schema=SCHEMA,
    )
    for table in ("sign_in_link", "sign_in_session"):
        op.add_column(table, sa.Column("clients", sa.ARRAY(sa.Text)), schema=SCHEMA)
        op.add_column(table, _account(), schema=SCHEMA)
        op.create_check_constraint(f"ck_{table}_clients", table, ADMIN_SEES_ALL, schema=SCHEMA)
    op.add_column(
        "sign_in_session",
        sa.Column("began", sa.Text, nullable=False, server_default="link"),
        schema=SCHEMA,
    )
    op.alter_column("sign_in_session", "began", server_default=None, schema=SCHEMA)
    op.add_column("sign_in_session", sa.Column("source", sa.Text), schema=SCHEMA)
    op.add_column(
        "sign_in_session",
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        schema=SCHEMA,
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("token_sha256", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("clients", sa.ARRAY(sa.Text)),
        _account(),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(ADMIN_SEES_ALL, name="ck_api_token_clients"),
        schema=SCHEMA,
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("key_sha256", sa.LargeBinary, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    for table in ("sign_in_link", "sign_in_session", "api_token"):
        op.create_index(f"ix_{table}_login", table, ["login"], schema=SCHEMA)


def _account() -> sa.Column[str]:
    person = sa.ForeignKey(f"{SCHEMA}.person.login", ondelete="CASCADE")
    return sa.Column("account", sa.Text, person)
