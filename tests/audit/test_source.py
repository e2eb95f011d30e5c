"""Where a change was asked for from: the address of the request, in its own context alone."""

from datetime import UTC, datetime

from sqlalchemy import Engine, select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from infra import audit
from infra.access.guard import Guard
from infra.audit import asked_from, audit_entry


def record(engine: Engine, subject: str, source: str | None = None) -> None:
    with engine.begin() as connection:
        audit.record(connection, actor="ana", action="letter.retry", subject=subject, source=source)


def sources(engine: Engine) -> dict[str, str | None]:
    with engine.connect() as connection:
        rows = connection.execute(select(audit_entry.c.subject, audit_entry.c.source)).all()
    return {row.subject: row.source for row in rows}


def test_what_a_request_changes_is_recorded_with_the_address_it_came_from(engine: Engine) -> None:
    def change(request: Request) -> Response:
        """In a thread, as routes that are no coroutines run."""
        record(engine, "letter:1")
        return Response()

    guard = Middleware(Guard, engine=engine, cookie="session", clock=lambda: datetime.now(UTC))
    app = Starlette(routes=[Route("/healthz", change)], middleware=[guard])
    assert TestClient(app, client=("10.9.8.7", 4711)).get("/healthz").status_code == 200
    record(engine, "letter:2")
    assert sources(engine) == {"letter:1": "10.9.8.7", "letter:2": None}


def test_a_source_that_is_given_counts_before_the_one_around(engine: Engine) -> None:
    with asked_from("terminal"):
        record(engine, "letter:1")
        record(engine, "letter:2", "10.0.0.1")
    assert sources(engine) == {"letter:1": "terminal", "letter:2": "10.0.0.1"}
