"""Signing in by a one-time link, and the session that follows.

A link opens one session, once, within `LINK_HOURS`. A session ends at sign-out or after `SESSION_HOURS`;
it is looked up on every page run and every request, so an ended one stops working at once.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select, update

from infra import audit
from infra.access.roles import Person, Role
from infra.access.tables import sign_in_link, sign_in_session
from infra.database import answering

LINK_HOURS = 24
SESSION_HOURS = 12
_TOKEN_BYTES = 32


def create_link(engine: Engine, person: Person, *, by: str, now: datetime) -> str:
    """A token that signs `person` in once. Whoever holds it is that person: show it only to them."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with engine.begin() as connection:
        connection.execute(
            insert(sign_in_link).values(
                token_sha256=_sha256(token),
                login=person.login,
                role=person.role,
                expires_at=now + timedelta(hours=LINK_HOURS),
            )
        )
        connection.execute(delete(sign_in_link).where(sign_in_link.c.expires_at < now))
        audit.record(
            connection,
            actor=by,
            action="link.create",
            subject=f"person:{person.login}",
            after={"role": person.role},
        )
    return token


def sign_in(engine: Engine, link_token: str, *, now: datetime, source: str | None = None) -> str | None:
    """Use up a link and open a session; its token, or None when the link is unknown, used or expired."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with answering(engine), engine.begin() as connection:
        link = connection.execute(
            update(sign_in_link)
            .where(
                sign_in_link.c.token_sha256 == _sha256(link_token),
                sign_in_link.c.used_at.is_(None),
                sign_in_link.c.expires_at > now,
            )
            .values(used_at=now)
            .returning(sign_in_link.c.login, sign_in_link.c.role)
        ).one_or_none()
        if link is None:
            return None
        connection.execute(delete(sign_in_session).where(sign_in_session.c.expires_at < now))
        connection.execute(
            insert(sign_in_session).values(
                token_sha256=_sha256(token),
                login=link.login,
                role=link.role,
                created_at=now,
                expires_at=now + timedelta(hours=SESSION_HOURS),
            )
        )
        audit.record(
            connection, actor=link.login, action="session.open", subject=f"person:{link.login}", source=source
        )
    return token


def session_key(token: str) -> str:
    """The public name of the session that `token` opens: safe to pass to the page script, opens nothing."""
    return _sha256(token).hex()


def find_person(engine: Engine, key: str, *, now: datetime) -> Person | None:
    """The person of the live session with this `session_key`, or None. Raises DatabaseUnavailable."""
    if len(key) != 64 or not set(key) <= set("0123456789abcdef"):
        return None
    live = select(sign_in_session.c.login, sign_in_session.c.role).where(
        sign_in_session.c.token_sha256 == bytes.fromhex(key), sign_in_session.c.expires_at > now
    )
    # Asked with every request: without a transaction around it, it is one round trip and not three.
    with answering(engine), engine.connect() as connection:
        row = connection.execution_options(isolation_level="AUTOCOMMIT").execute(live).one_or_none()
    return Person(row.login, Role(row.role)) if row else None


def sign_out(engine: Engine, key: str) -> None:
    """End the session, in every tab and device that uses it."""
    with answering(engine), engine.begin() as connection:
        login = connection.execute(
            delete(sign_in_session)
            .where(sign_in_session.c.token_sha256 == bytes.fromhex(key))
            .returning(sign_in_session.c.login)
        ).scalar_one_or_none()
        if login is not None:
            audit.record(connection, actor=login, action="session.close", subject=f"person:{login}")


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
