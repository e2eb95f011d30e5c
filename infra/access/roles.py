"""Roles and what each allows. Every service function asks for a permission; nothing asks for a role."""

from dataclasses import dataclass
from enum import StrEnum

from infra.errors import AccessDenied


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
