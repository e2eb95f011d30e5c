"""Sessions, however they began, and the one-time links that begin one.

`open_session` is the one way in. A session ends at sign-out, after `SESSION_HOURS`, or with its account; it
is looked up on every page run and every request, so an ended one stops working at once.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from infra import audit
from infra.access import live, opaque
from infra.access.roles import Person, Role
from infra.access.tables import person as accounts
from infra.access.tables import sign_in_link, sign_in_session
from infra.database import answering
from infra.errors import SignInRefused

LINK_HOURS = 24
SESSION_HOURS = 12


class Began(StrEnum):
    LINK = "link"
    PASSWORD = "password"  # noqa: S105 - how a session began, not a secret
    OIDC = "oidc"


def create_link(engine: Engine, person: Person, *, by: str, now: datetime) -> str:
    """A token that signs `person` in once. Whoever holds it is that person: show it only to them.

    Where `person` has an account, that decides role and clients. Raises SignInRefused when it is off.
    """
    token = opaque.draw()
    with engine.begin() as connection:
        connection.execute(
            insert(sign_in_link).values(
                token_sha256=opaque.digest(token),
                login=person.login,
                role=person.role,
                clients=_stored(person.clients),
                account=_account_of(connection, person.login),
                expires_at=now + timedelta(hours=LINK_HOURS),
            )
        )
        connection.execute(delete(sign_in_link).where(sign_in_link.c.expires_at < now))
        audit.record(
            connection,
            actor=by,
            action="link.create",
            subject=f"person:{person.login}",
            after={"role": person.role, "clients": _stored(person.clients)},
        )
    return token


def sign_in(engine: Engine, link_token: str, *, now: datetime, source: str | None = None) -> str | None:
    """Use up a link and open a session; its token, or None when the link is unknown, used or expired.

    Raises SignInRefused when the account it is for is switched off.
    """
    same = sign_in_link.c.token_sha256 == opaque.digest(link_token)
    with answering(engine), engine.begin() as connection:
        login = connection.execute(select(sign_in_link.c.login).where(same)).scalar_one_or_none()
        if login is None:
            return None
        _account_of(connection, login)  # held first, as by whoever ends what an account has
        link = connection.execute(
            update(sign_in_link)
            .where(same, sign_in_link.c.used_at.is_(None), sign_in_link.c.expires_at > now)
            .values(used_at=now)
            .returning(sign_in_link.c.login, sign_in_link.c.role, sign_in_link.c.clients)
        ).one_or_none()
        if link is None:
            return None
        return open_session(connection, _person(link), Began.LINK, now=now, source=source)


def open_session(
    connection: Connection, person: Person, began: Began, *, now: datetime, source: str | None
) -> str:
    """Begin a session in the caller's transaction; the token for the cookie, which is nowhere else.

    Where `person` has an account, the session is the account's: it decides role and clients at every lookup,
    and ends with it. Raises SignInRefused when it is switched off or gone. `source`: the address asked from.
    """
    account = _account_of(connection, person.login)
    if began is Began.PASSWORD and account is None:
        raise SignInRefused(person.login)  # removed since the password was checked
    token = opaque.draw()
    connection.execute(delete(sign_in_session).where(sign_in_session.c.expires_at < now))
    connection.execute(
        insert(sign_in_session).values(
            token_sha256=opaque.digest(token),
            login=person.login,
            role=person.role,
            clients=_stored(person.clients),
            account=account,
            began=began,
            source=source,
            created_at=now,
            seen_at=now,
            expires_at=now + timedelta(hours=SESSION_HOURS),
        )
    )
    connection.execute(update(accounts).where(accounts.c.login == person.login).values(seen_at=now))
    audit.record(
        connection,
        actor=person.login,
        action="session.open",
        subject=f"person:{person.login}",
        after={"began": began},
        source=source,
    )
    return token


def session_key(token: str) -> str:
    """The public name of the session that `token` opens: safe to pass to the page script, opens nothing."""
    return opaque.digest(token).hex()


def find_person(engine: Engine, key: str, *, now: datetime) -> Person | None:
    """The person of the live session with this `session_key`, or None. Raises DatabaseUnavailable."""
    if len(key) != 64 or not set(key) <= set("0123456789abcdef"):
        return None
    asked = {"digest": bytes.fromhex(key), "now": now}
    # Asked with every run: without a transaction around it, it is one round trip and not three.
    with answering(engine), engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        row = connection.execute(live.SESSION, asked).mappings().one_or_none()
        if row is None:
            return None
        if live.is_due(row, now):
            for statement in live.SEEN_SESSION:
                connection.execute(statement, asked | {"account": row["account"]})
    return live.person_of_session(row)


def sign_out(engine: Engine, key: str) -> None:
    """End one's own session, in every tab that uses it."""
    with answering(engine), engine.begin() as connection:
        login = close(connection, key)
        if login is not None:
            audit.record(connection, actor=login, action="session.close", subject=f"person:{login}")


def close(connection: Connection, key: str) -> str | None:
    """End the session with this `session_key` in the caller's transaction; whose it was."""
    ended = delete(sign_in_session).where(sign_in_session.c.token_sha256 == bytes.fromhex(key))
    return connection.execute(ended.returning(sign_in_session.c.login)).scalar_one_or_none()


def _account_of(connection: Connection, login: str) -> str | None:
    """The account of this login, held as it is until the transaction ends; None: there is none."""
    found = select(accounts.c.login, accounts.c.disabled_at).where(accounts.c.login == login)
    account = connection.execute(found.with_for_update(key_share=True)).one_or_none()
    if account is not None and account.disabled_at is not None:
        raise SignInRefused(login)
    return account.login if account else None


def _person(link: "Row[tuple[str, str, list[str] | None]]") -> Person:
    return Person(link.login, Role(link.role), None if link.clients is None else frozenset(link.clients))


def _stored(clients: frozenset[str] | None) -> list[str] | None:
    return None if clients is None else sorted(clients)
