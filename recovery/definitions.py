"""Changing funnel definitions as a person: the role is checked, and every change is audited with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from analytics import definitions
from analytics.changes import matched_steps
from analytics.definition_json import to_json
from analytics.definitions import SavedFunnel
from analytics.funnels import FunnelDefinition
from analytics.question import Question
from analytics.span import span
from analytics.views.funnel import FUNNEL
from analytics.views.records import FunnelView, StepView
from infra import audit
from infra.access.roles import Permission, Person
from recovery.funnels import Funnels

PREVIEW_DAYS = 28


def save(engine: Engine, by: Person, definition: FunnelDefinition, *, over: int) -> SavedFunnel:
    """Keep `definition` as the version after `over`, 0 for a new funnel.

    Raises NewerVersion when somebody has saved in between, AccessDenied.
    """
    return _add_version(engine, by, "funnel.save", definition, over)


def restore(engine: Engine, by: Person, name: str, version: int, *, over: int) -> SavedFunnel:
    """Save an old version as the one after `over`. Raises as `save`, and UnknownVersion."""
    by.require(Permission.MANAGE_SETTINGS)
    old = definitions.version(engine, name, version)
    return _add_version(engine, by, "funnel.restore", old.definition, over)


def archive(engine: Engine, by: Person, name: str) -> None:
    """Offer the funnel no longer; its versions stay. Raises UnknownFunnel, AccessDenied."""
    by.require(Permission.MANAGE_SETTINGS)
    definitions.latest(engine, name)
    with engine.begin() as connection:
        if definitions.archive(connection, name, by=by.login):
            _record(connection, by, "funnel.archive", name)


def unarchive(engine: Engine, by: Person, name: str) -> None:
    """Offer the funnel again. Raises AccessDenied."""
    by.require(Permission.MANAGE_SETTINGS)
    with engine.begin() as connection:
        if definitions.unarchive(connection, name):
            _record(connection, by, "funnel.unarchive", name)


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A step of the draft and the same step of the saved version; None where one has no counterpart."""

    draft: StepView | None
    saved: StepView | None


@dataclass(frozen=True, slots=True)
class Preview:
    draft: FunnelView
    saved: FunnelView | None  #: None for a new funnel
    rows: tuple[PreviewRow, ...]  #: the steps of the draft in their order, then what it drops


def preview(
    funnels: Funnels,
    by: Person,
    draft: FunnelDefinition,
    saved: FunnelDefinition | None,
    *,
    now: datetime,
) -> Preview | None:
    """Both counted over the newest PREVIEW_DAYS days on which the draft's first step happened.

    None when it has never happened. Raises as Funnels.view.
    """
    by.require(Permission.READ_FUNNELS)
    available = span(funnels.reader.engine, draft)
    if available is None:
        return None
    question = Question.of_days(available.newest - timedelta(days=PREVIEW_DAYS - 1), available.newest)
    counted = funnels.view(by, FUNNEL, draft, question, now=now).view
    if saved is None:
        return Preview(counted, None, tuple(PreviewRow(step, None) for step in counted.steps))
    before = funnels.view(by, FUNNEL, saved, question, now=now).view
    pairs = matched_steps(draft.steps, saved.steps)
    return Preview(counted, before, tuple(_row(counted, before, *pair) for pair in pairs))


def _row(draft: FunnelView, saved: FunnelView, at: int | None, before: int | None) -> PreviewRow:
    return PreviewRow(
        draft.steps[at] if at is not None else None,
        saved.steps[before] if before is not None else None,
    )


def _add_version(
    engine: Engine, by: Person, action: str, definition: FunnelDefinition, over: int
) -> SavedFunnel:
    by.require(Permission.MANAGE_SETTINGS)
    with engine.begin() as connection:
        before = definitions.find_latest(connection, definition.name)
        saved = definitions.add_version(connection, definition, over=over, by=by.login)
        audit.record(
            connection,
            actor=by.login,
            action=action,
            subject=f"funnel:{definition.name}",
            before={"version": before.version, **to_json(before.definition)} if before else None,
            after={"version": saved.version, **to_json(saved.definition)},
        )
    return saved


def _record(connection: Connection, by: Person, action: str, name: str) -> None:
    audit.record(connection, actor=by.login, action=action, subject=f"funnel:{name}")
