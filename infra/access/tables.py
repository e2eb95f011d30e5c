"""People with an account, their sign-in links, sessions and tokens, and the failures that slow guessing down.

Only the hash of a token is stored, so a copy of these tables opens nothing. A row whose `account` is set
belongs to that account: it goes when the account goes, and the account decides what it allows. A row without
one (the link printed at start, a person known to an identity provider) stands on its own role.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
)

from infra.tables import metadata

_ADMIN_SEES_ALL = "role <> 'admin' OR clients IS NULL"


def _account() -> Column[str]:
    return Column("account", Text, ForeignKey("onward.person.login", ondelete="CASCADE"))


person = Table(
    "person",
    metadata,
    Column("login", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("clients", ARRAY(Text)),
    Column("password_hash", Text),
    Column("disabled_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_by", Text, nullable=False),
    Column("seen_at", DateTime(timezone=True)),
    CheckConstraint(_ADMIN_SEES_ALL, name="ck_person_clients"),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("login", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("clients", ARRAY(Text)),
    _account(),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    CheckConstraint(_ADMIN_SEES_ALL, name="ck_sign_in_link_clients"),
)

sign_in_session = Table(
    "sign_in_session",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("login", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("clients", ARRAY(Text)),
    _account(),
    Column("began", Text, nullable=False),
    Column("source", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(_ADMIN_SEES_ALL, name="ck_sign_in_session_clients"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("token_sha256", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("clients", ARRAY(Text)),
    _account(),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_by", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint(_ADMIN_SEES_ALL, name="ck_api_token_clients"),
)

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    #: Of what failed: a login or an address. Hashed, for a password typed in the wrong field ends up here.
    Column("key_sha256", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("blocked_until", DateTime(timezone=True), nullable=False),
)
