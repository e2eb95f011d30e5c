"""Roles and what each allows. Every service function asks for a permission; nothing asks for a role."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from infra.errors import AccessDenied, UnusablePerson

MAX_CLIENTS = 1000
MAX_CLIENT_LENGTH = 200
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,119}")


class Permission(StrEnum):
    READ_FUNNELS = "funnels.read"
    READ_SESSIONS = "sessions.read"
    RECORD_EVENTS = "events.record"
    READ_LETTERS = "letters.read"
    RETRY_LETTERS = "letters.retry"
    DELETE_LETTERS = "letters.delete"
    READ_AUDIT = "audit.read"
    MANAGE_PEOPLE = "people.manage"
    MANAGE_SETTINGS = "settings.manage"


class Role(StrEnum):
    """Each role allows what the one before it allows, and more."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    OPERATOR = "operator"
    ADMIN = "admin"


#: As people write them.
ROLES = tuple(role.value for role in Role)
_VIEWER = frozenset({Permission.READ_FUNNELS})
_ANALYST = _VIEWER | {Permission.READ_SESSIONS}
_OPERATOR = _ANALYST | {Permission.READ_LETTERS, Permission.RETRY_LETTERS, Permission.RECORD_EVENTS}

ALLOWS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.ANALYST: _ANALYST,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    role: Role
    #: Sees only what belongs to these clients, and nothing that belongs to none; None: no restriction.
    clients: frozenset[str] | None = None

    def may(self, permission: str) -> bool:
        return permission in ALLOWS[self.role]

    def require(self, permission: str) -> None:
        """Raise AccessDenied unless this person's role allows `permission`."""
        if not self.may(permission):
            raise AccessDenied(self.login, permission, self.role)

    def within(self, other: "Person") -> "Person":
        """This person with the lower of both roles and the clients that both see."""
        restrictions = [clients for clients in (self.clients, other.clients) if clients is not None]
        clients = frozenset.intersection(*restrictions) if restrictions else None
        return Person(self.login, min(self.role, other.role, key=list(Role).index), clients)


def new_person(login: str, role: str, clients: Iterable[str] | None = None) -> Person:
    """A person as may be stored: every way in makes its people here. No clients: no restriction.

    The login is put in lower case. Raises UnusablePerson with what to write instead.
    """
    return Person(login_of(login), _role(role), _restriction(clients, role))


def login_of(text: str) -> str:
    """A login as it is stored. Raises UnusablePerson when `text` cannot be one."""
    login = text.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise UnusablePerson(
            f"{text[:60]!r} cannot be a login: write 1 to 120 letters, digits or . _ @ + - "
            "that begin with a letter or digit."
        )
    return login


def _role(text: str) -> Role:
    if text not in set(Role):
        raise UnusablePerson(f"There is no role {text[:60]!r}; choose one of {', '.join(Role)}.")
    return Role(text)


def _restriction(clients: Iterable[str] | None, role: str) -> frozenset[str] | None:
    chosen = frozenset(client.strip() for client in clients or ())
    if not chosen:
        return None
    if role == Role.ADMIN:
        raise UnusablePerson("An admin sees all clients: choose another role, or name no client.")
    if len(chosen) > MAX_CLIENTS or not all(0 < len(client) <= MAX_CLIENT_LENGTH for client in chosen):
        raise UnusablePerson(
            f"Name at most {MAX_CLIENTS} clients, each of 1 to {MAX_CLIENT_LENGTH} characters."
        )
    return chosen
