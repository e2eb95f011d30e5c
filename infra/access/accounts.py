"""Accounts: who may sign in for good, with which role, restricted to which clients.

Every change acts at the next request or page run of the person it is about, and is audited with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from infra import audit
from infra.access import passwords
from infra.access.open_sessions import end_all
from infra.access.roles import Permission, Person, Role
from infra.access.tables import api_token, person, sign_in_link, sign_in_session
from infra.database import answering
from infra.errors import PersonExists, UnknownPerson

MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class Account:
    login: str
    role: Role
    clients: tuple[str, ...] | None  #: None: no restriction
    has_password: bool
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    #: To the minute; None: never signed in.
    seen_at: datetime | None


def accounts(engine: Engine, by: Person, after: str = "", limit: int = 100) -> list[Account]:
    """Accounts in order of their login, from the first after `after`; at most `MAX_PAGE`."""
    by.require(Permission.MANAGE_PEOPLE)
    page = select(person).where(person.c.login > after).order_by(person.c.login).limit(min(limit, MAX_PAGE))
    with answering(engine), engine.connect() as connection:
        return [_account(row) for row in connection.execute(page)]


def account(engine: Engine, by: Person, login: str) -> Account:
    """Raises AccessDenied or UnknownPerson."""
    by.require(Permission.MANAGE_PEOPLE)
    with answering(engine), engine.connect() as connection:
        return _account(_row(connection, select(person).where(person.c.login == login), login))


def add(engine: Engine, by: Person, new: Person, password: str | None, *, now: datetime) -> None:
    """An account for `new`; without a password it signs in by link or identity provider alone.

    Sessions, links and tokens of that login become the account's, so that it decides from now on. Raises
    AccessDenied, PersonExists, or UnusablePerson for a password that is too short.
    """
    by.require(Permission.MANAGE_PEOPLE)
    row = {
        "login": new.login,
        "role": new.role,
        "clients": _stored(new.clients),
        "password_hash": None if password is None else passwords.hashed(password),
        "created_at": now,
        "created_by": by.login,
    }
    try:
        with answering(engine), engine.begin() as connection:
            connection.execute(insert(person).values(row))
            for table in (sign_in_session, sign_in_link, api_token):
                connection.execute(update(table).where(table.c.login == new.login).values(account=new.login))
            after = {"role": new.role, "clients": _stored(new.clients), "password": password is not None}
            _note(connection, by, "person.add", new.login, after=after)
    except IntegrityError:
        raise PersonExists(new.login) from None


def change(engine: Engine, by: Person, changed: Person) -> None:
    """Give the account of this login another role and restriction. Raises AccessDenied or UnknownPerson."""
    by.require(Permission.MANAGE_PEOPLE)
    with answering(engine), engine.begin() as connection:
        before = _held(connection, changed.login)
        connection.execute(
            update(person)
            .where(person.c.login == changed.login)
            .values(role=changed.role, clients=_stored(changed.clients))
        )
        _note(
            connection,
            by,
            "person.change",
            changed.login,
            before={"role": before.role, "clients": before.clients},
            after={"role": changed.role, "clients": _stored(changed.clients)},
        )


def set_password(engine: Engine, by: Person, login: str, password: str | None) -> None:
    """Set or take away (None) the password, and end every session of the account.

    Raises AccessDenied, UnknownPerson or UnusablePerson.
    """
    by.require(Permission.MANAGE_PEOPLE)
    password_hash = None if password is None else passwords.hashed(password)
    with answering(engine), engine.begin() as connection:
        _held(connection, login)
        connection.execute(update(person).where(person.c.login == login).values(password_hash=password_hash))
        ended = end_all(connection, login)
        after = {"password": password is not None, "sessions_ended": ended}
        _note(connection, by, "person.password", login, after=after)


def switch_off(engine: Engine, by: Person, login: str, *, now: datetime) -> None:
    """Stop the person at once: no session, link or token of theirs works; switching on brings tokens back.

    Raises AccessDenied or UnknownPerson.
    """
    by.require(Permission.MANAGE_PEOPLE)
    with answering(engine), engine.begin() as connection:
        before = _held(connection, login)
        off_since = before.disabled_at or now
        connection.execute(update(person).where(person.c.login == login).values(disabled_at=off_since))
        ended = end_all(connection, login)
        _note(connection, by, "person.switch_off", login, after={"sessions_ended": ended})


def switch_on(engine: Engine, by: Person, login: str) -> None:
    """Raises AccessDenied or UnknownPerson."""
    by.require(Permission.MANAGE_PEOPLE)
    with answering(engine), engine.begin() as connection:
        _held(connection, login)
        connection.execute(update(person).where(person.c.login == login).values(disabled_at=None))
        _note(connection, by, "person.switch_on", login)


def remove(engine: Engine, by: Person, login: str) -> None:
    """The account goes, and at once every session, link and token of it.

    Raises AccessDenied or UnknownPerson.
    """
    by.require(Permission.MANAGE_PEOPLE)
    with answering(engine), engine.begin() as connection:
        before = _held(connection, login)
        ended = end_all(connection, login)
        connection.execute(delete(person).where(person.c.login == login))
        _note(
            connection,
            by,
            "person.remove",
            login,
            before={"role": before.role, "clients": before.clients},
            after={"sessions_ended": ended},
        )


def _held(connection: Connection, login: str) -> Row[Any]:
    """The account's row, its own until the transaction ends."""
    return _row(connection, select(person).where(person.c.login == login).with_for_update(), login)


def _row(connection: Connection, one: Select[Any], login: str) -> Row[Any]:
    row = connection.execute(one).one_or_none()
    if row is None:
        raise UnknownPerson(login)
    return row


def _account(row: Row[Any]) -> Account:
    return Account(
        login=row.login,
        role=Role(row.role),
        clients=None if row.clients is None else tuple(row.clients),
        has_password=row.password_hash is not None,
        created_at=row.created_at,
        created_by=row.created_by,
        disabled_at=row.disabled_at,
        seen_at=row.seen_at,
    )


def _note(
    connection: Connection,
    by: Person,
    action: str,
    login: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        connection, actor=by.login, action=action, subject=f"person:{login}", before=before, after=after
    )


def _stored(clients: frozenset[str] | None) -> list[str] | None:
    return None if clients is None else sorted(clients)
