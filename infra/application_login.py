"""The login that everything runs as: it works with rows, and owns no table.

What it may do to each table is settled after every migration: what lacks is given, what is too much is taken.
The audit it may only add to and read, so not even a flaw that runs a stranger's SQL changes what is recorded
there. The owner of the tables can, so the owner's login is for migrations alone.
"""

from collections.abc import Iterable, Iterator

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from infra.database import SCHEMA, answering

#: Privilege and column; no column: the whole table.
Right = tuple[str, str]

_ROWS = frozenset((name, "") for name in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"))
_READ = frozenset({("SELECT", "")})
#: Tables where what is there stays. Number and time of an audit entry are not the writer's to choose.
_KEPT = {
    "alembic_version": _READ,
    "audit_link": _READ,
    "audit_entry": _READ
    | {("INSERT", name) for name in ("actor", "action", "subject", "before", "after", "source")},
}
#: Two owners that settle it at once would fail on each other's rows of the catalogue.
_LOCK = 0x6F6E7765

_TABLES = text("""
    SELECT relname FROM pg_class
    WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind IN ('r', 'p')
""")
_HELD = text("""
    SELECT relname, privilege_type, '' AS part
    FROM pg_class, aclexplode(relacl) AS acl
    WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind IN ('r', 'p')
      AND acl.grantee = (SELECT oid FROM pg_roles WHERE rolname = :login)
    UNION ALL
    SELECT relname, privilege_type, attname
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid, aclexplode(attacl) AS acl
    WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind IN ('r', 'p')
      AND acl.grantee = (SELECT oid FROM pg_roles WHERE rolname = :login)
""")


def make_login(owner_url: str, login: str, password: str) -> None:
    """See that `login` is there, with this password and no rights but those that everybody has."""
    url = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [login]).rowcount
        # As a verifier, so that the password itself never stands in a statement.
        verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
        connection.execute(
            sql.SQL("{verb} ROLE {login} LOGIN PASSWORD {verifier}").format(
                verb=sql.SQL("ALTER" if known else "CREATE"),
                login=sql.Identifier(login),
                verifier=sql.Literal(verifier.decode()),
            )
        )


def login_of(engine: Engine) -> str:
    """Who an engine connects as, which its URL need not say."""
    with answering(engine), engine.connect() as connection:
        return str(connection.execute(text("SELECT session_user")).scalar_one())


def let_in(owner: Engine, login: str) -> None:
    """Settle what `login` may do to the tables that `owner` owns. Changes nothing when it is settled."""
    with owner.begin() as connection:
        if login == connection.execute(text("SELECT session_user")).scalar_one():
            return
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for statement in _changes(connection, login):
            connection.execute(text(statement.as_string(None)))


def _changes(connection: Connection, login: str) -> Iterator[sql.Composed]:
    schema = sql.Identifier(SCHEMA)
    asked = {"schema": SCHEMA, "login": login}
    usable = text("SELECT has_schema_privilege(:login, :schema, 'USAGE')")
    if not connection.execute(usable, asked).scalar_one():
        yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, sql.Identifier(login))
    held: dict[str, set[Right]] = {name: set() for name in connection.execute(_TABLES, asked).scalars()}
    for table, privilege, column in connection.execute(_HELD, asked):
        held[table].add((privilege, column))
    for table, rights in held.items():
        wanted = _KEPT.get(table, _ROWS)
        if rights - wanted:
            yield _statement("REVOKE {} ON {} FROM {}", rights - wanted, table, login)
        if wanted - rights:
            yield _statement("GRANT {} ON {} TO {}", wanted - rights, table, login)


def _statement(form: str, rights: Iterable[Right], table: str, login: str) -> sql.Composed:
    named = [
        sql.SQL("{} ({})").format(sql.SQL(privilege), sql.Identifier(column))
        if column
        else sql.SQL(privilege)
        for privilege, column in sorted(rights)
    ]
    return sql.SQL(form).format(
        sql.SQL(", ").join(named), sql.Identifier(SCHEMA, table), sql.Identifier(login)
    )
