"""The sessions that are open: listed for whoever looks after people, and ended."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from infra import audit
from infra.access.roles import Permission, Person
from infra.access.sessions import Began, close
from infra.access.tables import sign_in_link, sign_in_session
from infra.database import answering

#: The last seen are listed.
LISTED = 200


@dataclass(frozen=True, slots=True)
class OpenSession:
    key: str  #: names it, opens nothing
    login: str
    role: str  #: of the session where it has no account
    has_account: bool
    began: Began
    source: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


def open_sessions(engine: Engine, by: Person, *, now: datetime) -> list[OpenSession]:
    """The `LISTED` last seen. Raises AccessDenied."""
    by.require(Permission.MANAGE_PEOPLE)
    table = sign_in_session.c
    last_seen = (
        select(sign_in_session)
        .where(table.expires_at > now)
        .order_by(table.seen_at.desc(), table.token_sha256)
        .limit(LISTED)
    )
    with answering(engine), engine.connect() as connection:
        return [
            OpenSession(
                key=row.token_sha256.hex(),
                login=row.login,
                role=row.role,
                has_account=row.account is not None,
                began=Began(row.began),
                source=row.source,
                created_at=row.created_at,
                seen_at=row.seen_at,
                expires_at=row.expires_at,
            )
            for row in connection.execute(last_seen)
        ]


def end(engine: Engine, by: Person, key: str) -> None:
    """End one session, by its key; one that has ended already is fine. Raises AccessDenied."""
    by.require(Permission.MANAGE_PEOPLE)
    with answering(engine), engine.begin() as connection:
        login = close(connection, key)
        if login is not None:
            audit.record(connection, actor=by.login, action="session.close", subject=f"person:{login}")


def sign_out_everywhere(engine: Engine, by: Person, login: str) -> int:
    """End every session and unused link of `login`; how many sessions ended.

    Anybody may do it for themselves. Raises AccessDenied.
    """
    if login != by.login:
        by.require(Permission.MANAGE_PEOPLE)
    with answering(engine), engine.begin() as connection:
        ended = end_all(connection, login)
        audit.record(
            connection,
            actor=by.login,
            action="session.close_all",
            subject=f"person:{login}",
            after={"sessions_ended": ended},
        )
    return ended


def end_all(connection: Connection, login: str) -> int:
    """Links first: whoever spends one meanwhile has opened a session by the time that sessions are ended."""
    connection.execute(delete(sign_in_link).where(sign_in_link.c.login == login))
    ended = delete(sign_in_session).where(sign_in_session.c.login == login)
    return connection.execute(ended).rowcount
