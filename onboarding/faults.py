"""Dials that make the demo fail on purpose: each a share of sessions for which a dependency misbehaves.

Which sessions are hit follows from their id, so a retry fails again while the dial stands and succeeds once
it is turned back.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from infra import audit
from infra.access.roles import Permission, Person
from onboarding.tables import onboarding_fault

ASSISTANT_TIMEOUT = "assistant_timeout"


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    share: float  #: of sessions, 0 to 1
    changed_at: datetime
    changed_by: str


def find(engine: Engine, name: str) -> Fault | None:
    """The dial, or None where no demo has ever set it."""
    with engine.connect() as connection:
        row = connection.execute(
            select(onboarding_fault).where(onboarding_fault.c.name == name)
        ).one_or_none()
    return Fault(**row._asdict()) if row else None


def turn(engine: Engine, name: str, share: float, *, by: Person, at: datetime) -> None:
    """Set the dial. Needs the permission to manage settings; audited."""
    by.require(Permission.MANAGE_SETTINGS)
    before = find(engine, name)
    changed = {"share": share, "changed_at": at, "changed_by": by.login}
    with engine.begin() as connection:
        connection.execute(
            insert(onboarding_fault)
            .values(name=name, **changed)
            .on_conflict_do_update(index_elements=["name"], set_=changed)
        )
        audit.record(
            connection,
            actor=by.login,
            action="fault.turn",
            subject=f"fault:{name}",
            before={"share": before.share} if before else None,
            after={"share": share},
        )


def hits(fault: Fault | None, session_id: str) -> bool:
    """Whether the fault strikes this session."""
    return fault is not None and zlib.crc32(session_id.encode()) % 1000 < fault.share * 1000
