"""The sessions behind a number over REST: a page of them, and one with its events.

The parameters are those of the Sessions page, so its address says what to ask (see session_query.py).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Engine

from analytics import definitions
from analytics.funnels import FunnelDefinition
from analytics.records import plain
from analytics.session_query import SessionQuery
from api.caller import Caller
from infra.access.roles import Permission
from recovery.funnels import Funnels

_SESSIONS = "/onboarding/analytics/sessions"


def session_routes(engine: Engine, funnels: Funnels) -> APIRouter:
    routes = APIRouter()

    @routes.get(f"{_SESSIONS}/")
    def sessions(request: Request, by: Caller, after: str | None = None, limit: int = 50) -> Any:
        asked = _Asked.by(request, by, engine)
        found = funnels.sessions(
            by, asked.definition, asked.query.question, asked.query.selection,
            now=asked.now, after=after, limit=limit,
        )  # fmt: skip
        return plain(found)

    @routes.get(f"{_SESSIONS}/{{session_id:path}}/")
    def session(request: Request, by: Caller, session_id: str) -> Any:
        asked = _Asked.by(request, by, engine)
        return plain(funnels.session(by, asked.definition, asked.query.question, session_id, now=asked.now))

    return routes


@dataclass(frozen=True, slots=True)
class _Asked:
    query: SessionQuery
    definition: FunnelDefinition
    now: datetime

    @classmethod
    def by(cls, request: Request, by: Caller, engine: Engine) -> "_Asked":
        by.require(Permission.READ_SESSIONS)
        query = SessionQuery.from_pairs(request.query_params.multi_items())
        saved = definitions.latest(engine, query.name or "onboarding")
        return cls(query, query.applied_to(saved.definition), datetime.now(UTC))
