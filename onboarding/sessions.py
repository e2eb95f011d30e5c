"""One person's way through the flow: its stage, its checkpoint, and the event that each stage leaves.

A stage is entered by one guarded UPDATE in the transaction that also records the event, so a task that runs
twice moves a session once. The id of the event follows from session and stage, for the same reason.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

import analytics
from onboarding.errors import StageSkipped, UnknownSession
from onboarding.tables import onboarding_session


class Stage(StrEnum):
    """In the order of the flow; the value is also the name of the event."""

    STARTED = "started"
    ENGAGED = "engaged"
    RECOMMENDATIONS_GENERATED = "recommendations_generated"
    APPROVAL_DECISION = "approval_decision"
    COMPLETED = "completed"


_ORDER = list(Stage)
_EVENT_NAMESPACE = uuid.UUID("6f6e7761-7264-4000-8000-6f6e626f6172")


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    client_id: str
    user_id: str
    language: str
    kind: str  #: what the person is setting up: "personal", "team" or "migration"
    first_time: bool
    stage: Stage
    advanced_at: datetime  #: when it reached this stage
    checkpoint: Mapping[str, Any]  #: what later stages need: messages, recommendations, decision


def start(
    connection: Connection,
    *,
    session_id: str,
    client_id: str,
    user_id: str,
    language: str,
    kind: str,
    first_time: bool,
    at: datetime,
) -> Session:
    """Open a session at its first stage."""
    connection.execute(
        insert(onboarding_session).values(
            id=session_id,
            client_id=client_id,
            user_id=user_id,
            language=language,
            kind=kind,
            first_time=first_time,
            stage=Stage.STARTED,
            checkpoint={},
            started_at=at,
            advanced_at=at,
        )
    )
    session = get(connection, session_id)
    _record(connection, session, Stage.STARTED, at)
    return session


def get(connection: Connection, session_id: str) -> Session:
    """The session as it stands. Raises UnknownSession."""
    row = connection.execute(_SESSION.where(onboarding_session.c.id == session_id)).one_or_none()
    if row is None:
        raise UnknownSession(session_id)
    return _session(row._asdict())


def advance(
    connection: Connection,
    session_id: str,
    to: Stage,
    *,
    at: datetime,
    leaving: Mapping[str, Any] | None = None,
) -> bool:
    """Move the session one stage on and keep `leaving` in its checkpoint; False when it is already there.

    Raises UnknownSession, and StageSkipped when the session has not reached the stage before.
    """
    row = connection.execute(
        update(onboarding_session)
        .where(onboarding_session.c.id == session_id, onboarding_session.c.stage == _before(to))
        .values(
            stage=to,
            advanced_at=at,
            checkpoint=onboarding_session.c.checkpoint.op("||")(dict(leaving or {})),
        )
        .returning(*_SESSION.selected_columns)
    ).one_or_none()
    if row is None:
        stage = get(connection, session_id).stage
        if _ORDER.index(stage) < _ORDER.index(to):
            raise StageSkipped(session_id, stage, to)
        return False
    _record(connection, _session(row._asdict()), to, at)
    return True


def keep(connection: Connection, session_id: str, **checkpoint: Any) -> None:
    """Add to the checkpoint without moving on."""
    connection.execute(
        update(onboarding_session)
        .where(onboarding_session.c.id == session_id)
        .values(checkpoint=onboarding_session.c.checkpoint.op("||")(checkpoint))
    )


def at_stage(connection: Connection, stage: Stage, *, limit: int) -> list[Session]:
    """Sessions that stand at `stage`, the latest arrived first, at most `limit`."""
    standing = _SESSION.where(onboarding_session.c.stage == stage).order_by(
        onboarding_session.c.advanced_at.desc()
    )
    return [_session(row._asdict()) for row in connection.execute(standing.limit(limit))]


_SESSION = select(*(onboarding_session.c[name] for name in Session.__dataclass_fields__))


def _session(row: Mapping[str, Any]) -> Session:
    return Session(**{**row, "stage": Stage(row["stage"])})


def _before(stage: Stage) -> Stage:
    return _ORDER[_ORDER.index(stage) - 1]


def _record(connection: Connection, session: Session, stage: Stage, at: datetime) -> None:
    analytics.record(
        connection,
        event_id=uuid.uuid5(_EVENT_NAMESPACE, f"{session.id}:{stage}"),
        session_id=session.id,
        name=stage,
        occurred_at=at,
        client_id=session.client_id,
        user_id=session.user_id,
        properties={"language": session.language, "kind": session.kind, "first_time": session.first_time},
    )
