"""The REST app. Each route knows who is signed in and calls the function that the page calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from sqlalchemy import Engine
from starlette.types import Receive, Scope, Send

from api.analytics_routes import analytics_routes
from api.docs_page import docs_page
from api.event_routes import event_routes
from api.export_routes import export_routes
from api.letter_routes import letter_routes
from api.problems import Problem, answer_refusals
from api.request_times import NamedRoute
from api.session_routes import session_routes
from dlq.broker.watch import BrokerWatch
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from infra.problems import problem
from recovery.exports.table import Sources
from recovery.funnels import Funnels

_ABOUT = """
Funnels, the sessions behind their numbers, dead letters, and events in.

Send `Authorization: Bearer TOKEN`; `python -m infra token create` makes one. In a browser the session of the
dashboard is used. Moments are ISO 8601 in UTC. A refusal is `application/problem+json`, and `detail` says
what to do. Analytics answers have an ETag.
"""
#: As people read them; routes are found in another order.
_IN_ORDER = ("analytics", "sessions", "events", "dead letters", "exports")
_SIGNS = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "onward_<installation>"},
}


def create_api(
    engine: Engine,
    funnels: Funnels,
    retries: RetryClient,
    redactor: Redactor,
    sealer: Sealer,
    watch: BrokerWatch,
    clock: Callable[[], datetime],
) -> FastAPI:
    """The routes under /api/v1, described at /api/v1/openapi.json and, for people, at /api/v1/docs."""
    api = _Described(
        title="Onward",
        version="1",
        description=_ABOUT,
        openapi_tags=[{"name": name} for name in _IN_ORDER],
        docs_url=None,
        redoc_url=None,
    )
    sources = Sources(engine, funnels, redactor, watch, clock)

    # First, or a list with an id in its path would take the name of the file for one.
    api.include_router(export_routes(sources))
    api.include_router(analytics_routes(funnels))
    api.include_router(session_routes(sources))
    api.include_router(event_routes(engine))
    api.include_router(letter_routes(engine, retries, redactor, sealer, clock))
    api.include_router(docs_page())
    answer_refusals(api)
    api.add_middleware(NamedRoute)
    return api


class NoSuchPath:
    """Answers 404 to any method at an unknown /api path; Streamlit would answer with its page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem(404, "There is nothing at this path.", instance=scope["path"])
        await answer(scope, receive, send)


class _Described(FastAPI):
    """Its description also names refusals, and how a caller shows who they are."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            made = super().openapi()
            template = "#/components/schemas/{model}"
            _, models = models_json_schema([(Problem, "serialization")], ref_template=template)
            made["components"]["schemas"] |= models["$defs"]
            made["components"]["securitySchemes"] = _SIGNS
            made["security"] = [{name: []} for name in _SIGNS]
            made["servers"] = [{"url": "/api/v1"}]
        return super().openapi()
