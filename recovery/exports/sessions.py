"""Sessions behind a number, and everything that happened in them."""

from analytics.session_events import EVENT_SCHEMA
from analytics.sessions import SESSION_SCHEMA
from infra.access.roles import Permission, Person
from recovery.exports import asking
from recovery.exports.table import Pairs, Rows, Sources, Table

_PARAMETERS = {
    **asking.PARAMETERS,
    "reached": "took this step, numbered from 0",
    "stopped": "got exactly this far",
    "outcome": "converted, blocked, open, left or gone",
    "silent": "yes: nothing happened after the furthest step; no: something did",
    "value": "of the breakdown",
    "pattern": "what failed in the session, as AssistantTimeout in recommend",
    "bin": "number of a bin of time",
    "bins": "what the bins are: day, week, hour_of_week",
}


def _sessions(sources: Sources, by: Person, pairs: Pairs) -> Rows:
    definition, query = asking.asked(sources, pairs)
    found = sources.funnels.session_batches(
        by, definition, query.question, query.selection, now=sources.clock()
    )
    return Rows(SESSION_SCHEMA, found)


def _events(sources: Sources, by: Person, pairs: Pairs) -> Rows:
    definition, query = asking.asked(sources, pairs)
    found = sources.funnels.session_events(
        by, definition, query.question, query.selection, now=sources.clock()
    )
    return Rows(EVENT_SCHEMA, found)


_SESSIONS = Table(
    "sessions",
    "Sessions behind a number",
    "/onboarding/analytics/sessions/",
    Permission.READ_SESSIONS,
    _sessions,
    _PARAMETERS,
)
_EVENTS = Table(
    "session-events",
    "Events of the sessions behind a number",
    "/onboarding/analytics/sessions/events/",
    Permission.READ_SESSIONS,
    _events,
    _PARAMETERS,
)
TABLES = (_SESSIONS, _EVENTS)
