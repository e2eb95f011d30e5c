"""POST /api/v1/events/: a batch of events, each stored once however often it is sent."""

import json
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Engine

from analytics.errors import InvalidEvent
from analytics.recording import MOST_EVENTS, Recorded
from analytics.records import plain
from api.caller import Caller
from api.description import answers
from api.examples import example
from infra.access.roles import Permission
from infra.problems import problem
from recovery.events import record

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["session_id", "name", "occurred_at"],
    "properties": {
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "sent again, it is stored once; without one, every sending is a new event",
        },
        "session_id": _TEXT,
        "name": _TEXT,
        "occurred_at": {"type": "string", "format": "date-time"},
        "client_id": {"type": "string"},
        "user_id": {"type": "string"},
        "properties": {"type": "object"},
    },
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["events"],
                "properties": {"events": {"type": "array", "maxItems": MOST_EVENTS, "items": _EVENT}},
            },
            "example": example("events-sent"),
        }
    },
}
_GZIP = b"\x1f\x8b"


def event_routes(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["events"])

    @routes.post("/events/", responses=answers(Recorded, "events"), openapi_extra={"requestBody": _BODY})
    async def events(by: Caller, request: Request) -> Response:
        """Store a batch. What cannot be stored is named by its place; the rest is stored all the same."""
        by.require(Permission.RECORD_EVENTS)
        sent = await to_thread.run_sync(_batch, await request.body())
        if len(sent) > MOST_EVENTS:
            detail = f"There are {len(sent)} events; send at most {MOST_EVENTS} at once."
            return problem(413, detail, instance=request.url.path)
        return JSONResponse(plain(await to_thread.run_sync(record, engine, by, sent)))

    return routes


def _batch(body: bytes) -> list[object]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        why = "is compressed; send it as plain JSON" if body.startswith(_GZIP) else "is not JSON"
        raise InvalidEvent("body", why) from None
    events = sent.get("events") if isinstance(sent, dict) else None
    if not isinstance(events, list):
        raise InvalidEvent("body", 'must be an object with a list "events"')
    return events
