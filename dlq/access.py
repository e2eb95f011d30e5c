"""What this package asks of its surroundings: a person with permissions, a place for the audit.

Permissions used here: `letters.read`, `letters.retry`, `letters.delete`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Connection

READ = "letters.read"
RETRY = "letters.retry"
DELETE = "letters.delete"


class Actor(Protocol):
    """The person on whose behalf something is read or changed."""

    @property
    def login(self) -> str: ...

    @property
    def clients(self) -> frozenset[str] | None:
        """Whose letters the person may see and change; None: everybody's, also those without a client."""

    def require(self, permission: str) -> None:
        """Return when the person may do this; raise otherwise."""


class Audit(Protocol):
    """Writes one audit entry on `connection`, so that it stands or falls with the change it describes."""

    def __call__(
        self,
        connection: Connection,
        *,
        actor: str,
        action: str,
        subject: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None: ...
