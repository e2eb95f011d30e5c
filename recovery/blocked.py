"""The join of funnel and queue: a session behind a task of ours that died is blocked, it has not left."""

from datetime import datetime

from sqlalchemy import Engine

from analytics.funnels import FunnelDefinition
from analytics.queries import Reader
from analytics.question import Question
from analytics.views import FunnelView, funnel_view
from dlq.console import waiting_sessions


def funnel_with_blocked(
    engine: Engine, reader: Reader, definition: FunnelDefinition, question: Question, *, now: datetime
) -> FunnelView:
    """The funnel, with the sessions behind an open dead letter told apart from those that left."""
    return funnel_view(reader, definition, question, now=now, blocked=waiting_sessions(engine))
