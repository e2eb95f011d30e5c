"""Signing in with login and password. Whoever guesses learns nothing but that it was wrong.

An unknown login, an account without a password or switched off, and a wrong password get the same answer in
the same time, and count alike.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from infra import audit
from infra.access import backoff, passwords
from infra.access.roles import Person, Role, login_of
from infra.access.sessions import Began, open_session
from infra.access.tables import person
from infra.database import answering
from infra.errors import SignInRefused, UnusablePerson


def sign_in(engine: Engine, login: str, password: str, *, now: datetime, source: str | None) -> str | None:
    """The token of a new session, or None when login or password is wrong. Raises TooManyFailures.

    It computes for a tenth of a second and holds 64 MB meanwhile: let few run at once.
    """
    login = login.strip().lower()
    with answering(engine), engine.begin() as connection:
        attempt = backoff.count(connection, login, source, now=now)
        account = _account(connection, login)
        if attempt.begins_pause:
            subject = f"person:{login}" if account else "person:unknown"
            audit.record(connection, actor="onward", action="sign_in.slow", subject=subject, source=source)
    stored = account.password_hash if account else None
    if not passwords.is_right(password, stored) or account is None:
        return None
    with answering(engine), engine.begin() as connection:
        backoff.forgive(connection, attempt, now=now)
        if stored and passwords.is_outdated(stored):
            _rehash(connection, account, password)
        try:
            return open_session(connection, _person(account), Began.PASSWORD, now=now, source=source)
        except SignInRefused:
            return None


def _account(connection: Connection, login: str) -> Row[Any] | None:
    try:
        possible = login_of(login)
    except UnusablePerson:
        return None
    found = select(person).where(person.c.login == possible, person.c.disabled_at.is_(None))
    return connection.execute(found).one_or_none()


def _person(account: Row[Any]) -> Person:
    clients = None if account.clients is None else frozenset(account.clients)
    return Person(account.login, Role(account.role), clients)


def _rehash(connection: Connection, account: Row[Any], password: str) -> None:
    connection.execute(
        update(person)
        .where(person.c.login == account.login, person.c.password_hash == account.password_hash)
        .values(password_hash=passwords.hashed(password))
    )
