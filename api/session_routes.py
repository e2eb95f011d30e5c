"""The sessions behind a number over REST: a page of them, all as CSV, and one with its events.

The parameters are those of the Sessions page, so its address says what to ask (see session_query.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine

from analytics import definitions
from analytics.funnels import FunnelDefinition
from analytics.records import plain
from analytics.session_query import SessionQuery
from analytics.sessions import SESSION_COLUMNS
from analytics.spreadsheet import csv_blocks
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

    @routes.get(f"{_SESSIONS}.csv")
    def every_session(request: Request, by: Caller) -> StreamingResponse:
        asked = _Asked.by(request, by, engine)
        found = funnels.every_session(
            by, asked.definition, asked.query.question, asked.query.selection, now=asked.now
        )
        blocks = csv_blocks(chain([SESSION_COLUMNS], (row.cells() for row in found)))
        return StreamingResponse(_begun(blocks), media_type="text/csv", headers=_attachment(asked.definition))

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


def _begun(blocks: Iterator[str]) -> Iterator[str]:
    """The blocks, the first of them made now: what cannot be asked is refused before the answer begins."""
    return chain([next(blocks)], blocks)


def _attachment(definition: FunnelDefinition) -> dict[str, str]:
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in definition.name)
    return {"content-disposition": f'attachment; filename="{name}-sessions.csv"'}
