"""Who a live session or token stands for: the statements that every request asks, each spelled once.

Pages ask them through the engine, the guard in its event loop (see lookup.py). Nothing is kept between
requests, so whoever is removed, switched off, signed out or given another role is so at once. Of a session
its account decides role and clients; a token may be narrower than its account, never wider.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Select, Table, bindparam, select, update

from infra.access.roles import Person, Role
from infra.access.tables import api_token, person, sign_in_session

#: How exact "last seen" is; noting it is a write.
SEEN_EVERY = timedelta(minutes=1)
Row = Mapping[Any, Any]


def _live(table: Table, seen_at: Column[datetime]) -> Select[Any]:
    return (
        select(
            table.c.login,
            table.c.role,
            table.c.clients,
            table.c.account,
            person.c.role.label("account_role"),
            person.c.clients.label("account_clients"),
            seen_at.label("seen_at"),
        )
        .select_from(table.outerjoin(person, table.c.account == person.c.login))
        .where(
            table.c.token_sha256 == bindparam("digest"),
            table.c.expires_at > bindparam("now"),
            person.c.disabled_at.is_(None),
        )
    )


#: Both take `digest` and `now`.
SESSION = _live(sign_in_session, sign_in_session.c.seen_at)
TOKEN = _live(api_token, api_token.c.last_used_at).where(api_token.c.revoked_at.is_(None))
#: Take `digest`, `account` and `now`. Not in one transaction: it could wait for a change of the account that
#: waits for it.
SEEN_SESSION = (
    update(sign_in_session)
    .where(sign_in_session.c.token_sha256 == bindparam("digest"))
    .values(seen_at=bindparam("now")),
    update(person).where(person.c.login == bindparam("account")).values(seen_at=bindparam("now")),
)
SEEN_TOKEN = (
    update(api_token)
    .where(api_token.c.token_sha256 == bindparam("digest"))
    .values(last_used_at=bindparam("now")),
)


def is_due(row: Row, now: datetime) -> bool:
    """Whether it is time to note that the session or token was seen."""
    return row["seen_at"] is None or row["seen_at"] < now - SEEN_EVERY


def person_of_session(row: Row) -> Person:
    return _account(row) or _own(row)


def person_of_token(row: Row) -> Person:
    account = _account(row)
    return _own(row).within(account) if account else _own(row)


def _own(row: Row) -> Person:
    return Person(row["login"], Role(row["role"]), _restriction(row["clients"]))


def _account(row: Row) -> Person | None:
    if row["account"] is None:
        return None
    return Person(row["login"], Role(row["account_role"]), _restriction(row["account_clients"]))


def _restriction(clients: list[str] | None) -> frozenset[str] | None:
    return None if clients is None else frozenset(clients)
