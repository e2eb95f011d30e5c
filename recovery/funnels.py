"""The join of funnel and queue: a session behind a task of ours that died is blocked, it has not left."""

from dataclasses import dataclass
from datetime import datetime

from analytics.cache import ViewCache
from analytics.funnels import FunnelDefinition
from analytics.queries import Reader
from analytics.question import Question
from analytics.view_records import FunnelView
from dlq.console import waiting_sessions
from infra.access.roles import Permission, Person


@dataclass(frozen=True, slots=True)
class Funnels:
    """What pages and REST ask for a funnel. Share one per process."""

    reader: Reader
    cache: ViewCache

    def view(
        self, by: Person, definition: FunnelDefinition, question: Question, *, now: datetime
    ) -> FunnelView:
        """The funnel, with the sessions behind an open dead letter told apart from those that left."""
        by.require(Permission.READ_FUNNELS)
        blocked = waiting_sessions(self.reader.engine)
        return self.cache.view(self.reader, definition, question, now=now, blocked=blocked)
