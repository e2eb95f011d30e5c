"""The sessions behind a number over REST: a page of them, and one with its events.

The parameters are those of the Sessions page, so its address says what to ask (see session_query.py).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from analytics.history import SessionHistory
from analytics.records import plain
from analytics.sessions import MOST_SESSIONS, SessionPage
from api.caller import Caller
from api.description import answers, parameters
from infra.access.roles import Permission
from recovery.exports import asking
from recovery.exports.registry import TABLES
from recovery.exports.table import Sources

_SESSIONS = "/onboarding/analytics/sessions"
_PARAMETERS = parameters(TABLES["sessions"].parameters)


def session_routes(sources: Sources) -> APIRouter:
    routes = APIRouter(tags=["sessions"])

    @routes.get(f"{_SESSIONS}/", responses=answers(SessionPage, "sessions", 404), openapi_extra=_PARAMETERS)
    def sessions(
        request: Request,
        by: Caller,
        after: Annotated[str | None, Query(description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_SESSIONS)] = 50,
    ) -> Any:
        """The sessions that a number of the funnel counts, a page at a time."""
        by.require(Permission.READ_SESSIONS)
        definition, query = asking.asked(sources, request.query_params.multi_items())
        found = sources.funnels.sessions(
            by, definition, query.question, query.selection,
            now=sources.clock(), after=after, limit=limit,
        )  # fmt: skip
        return plain(found)

    @routes.get(
        f"{_SESSIONS}/{{session_id:path}}/",
        responses=answers(SessionHistory, "session", 404),
        openapi_extra=_PARAMETERS,
    )
    def session(request: Request, by: Caller, session_id: str) -> Any:
        """One session with its events, and how the funnel counts it."""
        by.require(Permission.READ_SESSIONS)
        definition, query = asking.asked(sources, request.query_params.multi_items())
        return plain(sources.funnels.session(by, definition, query.question, session_id, now=sources.clock()))

    return routes
