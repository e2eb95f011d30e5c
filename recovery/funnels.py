"""The join of funnel and queue: a session behind a task of ours that died is blocked, it has not left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from analytics import choices
from analytics.belonging import CLIENT
from analytics.cache import Answer, Found, ViewCache
from analytics.choices import DimensionChoice, ValueChoice
from analytics.errors import InvalidQuery, listed
from analytics.funnels import Dimension, FunnelDefinition
from analytics.history import SessionHistory, session_history
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.session_events import event_batches
from analytics.sessions import (
    Selection,
    SessionPage,
    count_sessions,
    listed_sessions,
    session_batches,
)
from analytics.views.kinds import Record, ViewKind
from dlq.console import waiting_sessions
from infra.access.roles import Permission, Person


@dataclass(frozen=True, slots=True)
class Funnels:
    """What pages and REST ask about a funnel. Share one per process.

    Sessions behind an open dead letter are told apart from those that left. Who is restricted to clients gets
    everything as if the sessions of others, and of nobody, were not there.
    """

    reader: Reader
    cache: ViewCache

    def view(
        self,
        by: Person,
        kind: ViewKind[Record],
        /,
        definition: FunnelDefinition,
        question: Question,
        *,
        now: datetime,
        **options: Any,
    ) -> Answer[Record]:
        """A view of the funnel, computed or cached. Raises AccessDenied, and as Reader.ask does."""
        by.require(Permission.READ_FUNNELS)
        return self.cache.view(
            kind, self.reader, asked(self.reader.engine, by, definition, question, now=now), **options
        )

    def text(
        self,
        by: Person,
        kind: ViewKind[Record],
        /,
        definition: FunnelDefinition,
        question: Question,
        *,
        now: datetime,
        **options: Any,
    ) -> Found:
        """The same as JSON text."""
        by.require(Permission.READ_FUNNELS)
        return self.cache.text(
            kind, self.reader, asked(self.reader.engine, by, definition, question, now=now), **options
        )

    def texts(
        self,
        by: Person,
        kinds: Sequence[ViewKind[Any]],
        definition: FunnelDefinition,
        question: Question,
        *,
        now: datetime,
    ) -> list[str]:
        """Several views of one question, as JSON texts, with the sessions behind letters looked up once."""
        by.require(Permission.READ_FUNNELS)
        of = asked(self.reader.engine, by, definition, question, now=now)
        return [self.cache.text(kind, self.reader, of).text for kind in kinds]

    def sessions(
        self,
        by: Person,
        definition: FunnelDefinition,
        question: Question,
        selection: Selection,
        *,
        now: datetime,
        after: str | None = None,
        limit: int = 50,
    ) -> SessionPage:
        """The sessions that a number counts, a page at a time. Takes the right to see sessions."""
        by.require(Permission.READ_SESSIONS)
        of = asked(self.reader.engine, by, definition, question, now=now)
        return listed_sessions(self.reader, of, selection, after=after, limit=limit)

    def count_sessions(
        self,
        by: Person,
        definition: FunnelDefinition,
        question: Question,
        selection: Selection,
        *,
        now: datetime,
    ) -> int:
        """How many sessions all pages together list."""
        by.require(Permission.READ_SESSIONS)
        return count_sessions(
            self.reader, asked(self.reader.engine, by, definition, question, now=now), selection
        )

    def session_batches(
        self,
        by: Person,
        definition: FunnelDefinition,
        question: Question,
        selection: Selection,
        *,
        now: datetime,
    ) -> Iterator[pa.RecordBatch]:
        """All of them as columns of SESSION_SCHEMA, for an export."""
        by.require(Permission.READ_SESSIONS)
        of = asked(self.reader.engine, by, definition, question, now=now)
        return session_batches(self.reader, of, selection)

    def session_events(
        self,
        by: Person,
        definition: FunnelDefinition,
        question: Question,
        selection: Selection,
        *,
        now: datetime,
    ) -> Iterator[pa.RecordBatch]:
        """The events of all of them as columns of EVENT_SCHEMA, for an export."""
        by.require(Permission.READ_SESSIONS)
        of = asked(self.reader.engine, by, definition, question, now=now)
        return event_batches(self.reader, of, selection)

    def dimensions(self, by: Person, definition: FunnelDefinition) -> list[DimensionChoice]:
        """What one may filter and break down by, as `choices.dimensions`."""
        by.require(Permission.READ_FUNNELS)
        return choices.dimensions(self.reader, definition, by.clients)

    def values(self, by: Person, dimension: Dimension) -> list[ValueChoice]:
        """The values of a dimension that one may filter by, as `choices.values`."""
        by.require(Permission.READ_FUNNELS)
        return choices.values(self.reader, dimension, by.clients)

    def session(
        self, by: Person, definition: FunnelDefinition, question: Question, session_id: str, *, now: datetime
    ) -> SessionHistory:
        """The events of one session, and how the funnel counts it. Raises UnknownSession."""
        by.require(Permission.READ_SESSIONS)
        return session_history(
            self.reader, asked(self.reader.engine, by, definition, question, now=now), session_id
        )


def asked(
    engine: Engine, by: Person, definition: FunnelDefinition, question: Question, *, now: datetime
) -> Asked:
    """The question with the clients whose sessions they see, the sessions behind a letter, and behind what.

    Raises InvalidQuery for a filter on a client that is none of theirs.
    """
    _check_clients(by, question)
    waiting = waiting_sessions(engine, by)
    return Asked(
        definition,
        question,
        now,
        blocked={session_id: one.failed_ms for session_id, one in waiting.items()},
        patterns={session_id: one.pattern for session_id, one in waiting.items()},
        clients=by.clients,
    )


def _check_clients(by: Person, question: Question) -> None:
    """What is never shown is refused, so that nobody takes it for nothing."""
    if by.clients is None:
        return
    chosen = {value for wanted in question.where if wanted.dimension == CLIENT for value in wanted.values}
    if others := sorted(chosen - by.clients):
        yours = listed("yours", sorted(by.clients))
        raise InvalidQuery(
            CLIENT, f"{others[0] or 'no client'!r} is not among the clients that you see; {yours}"
        )
