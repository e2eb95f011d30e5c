"""Tokens for REST: a role, perhaps a restriction to clients, and an end.

A token is shown once, when it is made; the table has its hash. It works until it expires or is revoked, and
no longer or wider than the account of its login, where there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from infra import audit
from infra.access import opaque
from infra.access.roles import Permission, Person, Role
from infra.access.tables import api_token, person
from infra.database import answering
from infra.errors import UnknownToken, UnusablePerson

PREFIX = "onw_"
MAX_DAYS = 366
MAX_NAME_LENGTH = 100
#: Of a token; PostgreSQL counts no further.
_MAX_NUMBER = 2**63 - 1
#: The newest are listed.
LISTED = 500


@dataclass(frozen=True, slots=True)
class Token:
    number: int
    name: str
    login: str
    role: Role  #: as far as the account of its login has it
    clients: tuple[str, ...] | None  #: those that this account sees, too; None: no restriction
    created_at: datetime
    created_by: str
    expires_at: datetime
    #: To the minute; None: never.
    last_used_at: datetime | None
    revoked_at: datetime | None

    def works(self, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now


def create(engine: Engine, by: Person, stands_for: Person, name: str, *, days: int, now: datetime) -> str:
    """A new token that acts as `stands_for` for `days`; this is the only time it is seen.

    Raises AccessDenied, or UnusablePerson for a name or a number of days that cannot be, and for more than
    the account of the login may.
    """
    by.require(Permission.MANAGE_PEOPLE)
    if not 0 < len(name.strip()) <= MAX_NAME_LENGTH:
        raise UnusablePerson(f"Name the token, in at most {MAX_NAME_LENGTH} characters.")
    if not 1 <= days <= MAX_DAYS:
        raise UnusablePerson(f"A token lives for 1 to {MAX_DAYS} days.")
    token = opaque.draw(PREFIX)
    clients = None if stands_for.clients is None else sorted(stands_for.clients)
    with answering(engine), engine.begin() as connection:
        _check_account(connection, stands_for)
        number = connection.execute(
            insert(api_token)
            .values(
                token_sha256=opaque.digest(token),
                name=name.strip(),
                login=stands_for.login,
                role=stands_for.role,
                clients=clients,
                account=select(person.c.login).where(person.c.login == stands_for.login).scalar_subquery(),
                created_at=now,
                created_by=by.login,
                expires_at=now + timedelta(days=days),
            )
            .returning(api_token.c.id)
        ).scalar_one()
        audit.record(
            connection,
            actor=by.login,
            action="token.create",
            subject=f"token:{number}",
            after={
                "name": name.strip(),
                "login": stands_for.login,
                "role": stands_for.role,
                "clients": clients,
                "days": days,
            },
        )
    return token


def _check_account(connection: Connection, stands_for: Person) -> None:
    found = connection.execute(
        select(person.c.role, person.c.clients).where(person.c.login == stands_for.login)
    ).one_or_none()
    if found is None:
        return
    allowed = stands_for.within(_person(stands_for.login, found.role, found.clients))
    if allowed.role != stands_for.role:
        raise UnusablePerson(
            f"{stands_for.login} has the role {found.role}: its tokens cannot have {stands_for.role}."
        )
    unseen = (stands_for.clients or frozenset()) - (allowed.clients or frozenset())
    if unseen:
        raise UnusablePerson(
            f"{stands_for.login} does not see {', '.join(sorted(unseen))}: its tokens cannot either."
        )


def tokens(engine: Engine, by: Person) -> list[Token]:
    """The newest `LISTED`, those that no longer work among them. Raises AccessDenied."""
    by.require(Permission.MANAGE_PEOPLE)
    account = (person.c.role.label("account_role"), person.c.clients.label("account_clients"))
    newest = (
        select(api_token, *account)
        .outerjoin(person, person.c.login == api_token.c.account)
        .order_by(api_token.c.id.desc())
        .limit(LISTED)
    )
    with answering(engine), engine.connect() as connection:
        return [_token(row) for row in connection.execute(newest)]


def _token(row: Row[Any]) -> Token:
    acts_as = _person(row.login, row.role, row.clients)
    if row.account_role is not None:
        acts_as = acts_as.within(_person(row.login, row.account_role, row.account_clients))
    return Token(
        number=row.id,
        name=row.name,
        login=row.login,
        role=acts_as.role,
        clients=None if acts_as.clients is None else tuple(sorted(acts_as.clients)),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _person(login: str, role: str, clients: Sequence[str] | None) -> Person:
    return Person(login, Role(role), None if clients is None else frozenset(clients))


def revoke(engine: Engine, by: Person, number: int, *, now: datetime) -> None:
    """The token stops at its next request. Raises AccessDenied or UnknownToken."""
    by.require(Permission.MANAGE_PEOPLE)
    if number > _MAX_NUMBER:
        raise UnknownToken(number)
    with answering(engine), engine.begin() as connection:
        name = connection.execute(
            update(api_token)
            .where(api_token.c.id == number, api_token.c.revoked_at.is_(None), api_token.c.expires_at > now)
            .values(revoked_at=now)
            .returning(api_token.c.name)
        ).scalar_one_or_none()
        if name is None:
            raise UnknownToken(number)
        audit.record(
            connection, actor=by.login, action="token.revoke", subject=f"token:{number}", after={"name": name}
        )
