"""POST /api/v1/events/: a batch of events, each stored once however often it is sent."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from analytics.errors import InvalidEvent
from analytics.recording import MOST_EVENTS
from analytics.records import plain
from api.caller import Caller
from infra.access.roles import Permission
from recovery.events import record

MOST_BYTES = 5 * 1024 * 1024


def event_routes(engine: Engine) -> APIRouter:
    routes = APIRouter()

    @routes.post("/events/")
    async def events(by: Caller, request: Request) -> Response:
        """Store a batch. What cannot be stored is named by its place; the rest is stored all the same."""
        by.require(Permission.RECORD_EVENTS)
        body = await _limited_body(request)
        if body is None:
            return JSONResponse({"detail": f"The body is larger than {MOST_BYTES} bytes."}, 413)
        sent = await run_in_threadpool(_batch, body)
        if len(sent) > MOST_EVENTS:
            detail = f"There are {len(sent)} events; send at most {MOST_EVENTS} at once."
            return JSONResponse({"detail": detail}, 413)
        return JSONResponse(plain(await run_in_threadpool(record, engine, by, sent)))

    return routes


async def _limited_body(request: Request) -> bytes | None:
    """The body; None once it is larger than MOST_BYTES."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MOST_BYTES:
            return None
    return bytes(received)


def _batch(body: bytes) -> list[object]:
    try:
        sent = json.loads(body)
    except ValueError:
        raise InvalidEvent("body", "is not JSON") from None
    events = sent.get("events") if isinstance(sent, dict) else None
    if not isinstance(events, list):
        raise InvalidEvent("body", 'must be an object with a list "events"')
    return events
