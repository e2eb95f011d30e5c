"""The routes under /api/v1 that answer questions about funnels.

Every view is asked with the same parameters and answers with the record that its page shows.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from analytics import definitions
from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.question import Filter, Question
from analytics.views.all_kinds import KINDS
from analytics.views.funnel import FUNNEL
from analytics.views.kinds import ViewKind
from analytics.views.options import names_of, options_of
from analytics.views.report import REPORT
from api.caller import Caller
from recovery.exports.views import PATHS
from recovery.funnels import Funnels


class AskedFor:
    """Which funnel, and the question about it: the parameters that all views share."""

    def __init__(
        self,
        name: str = "onboarding",
        first: Annotated[date | None, Query(alias="from", description="first day of entry")] = None,
        last: Annotated[date | None, Query(alias="to", description="last day of entry, included")] = None,
        zone: str = "UTC",
        breakdown: Annotated[tuple[str, ...], Query(alias="by")] = (),
        attribution: str = "session",
        completions: str = "within_window",
        where: Annotated[tuple[str, ...], Query(description="dimension=value; may be repeated")] = (),
        client: Annotated[tuple[str, ...], Query(description="only sessions of these clients")] = (),
    ) -> None:
        self.name = name
        values: dict[str, list[str]] = {"client_id": list(client)} if client else {}
        for text in where:
            dimension, equals, value = text.partition("=")
            if not equals:
                raise InvalidQuery("where", f"{text!r} must be written dimension=value")
            values.setdefault(dimension, []).append(value)
        self.question = Question.of_days(
            first,
            last,
            zone=zone,
            breakdown=breakdown,
            attribution=attribution,
            completions=completions,
            where=tuple(Filter(dimension, tuple(wanted)) for dimension, wanted in values.items()),
        )


Asked = Annotated[AskedFor, Depends()]


def analytics_routes(funnels: Funnels) -> APIRouter:
    router = APIRouter()
    engine = funnels.reader.engine

    def definition(asked: AskedFor) -> FunnelDefinition:
        return definitions.latest(engine, asked.name).definition

    def add(kind: ViewKind[Any]) -> None:
        path = f"/onboarding/analytics/{PATHS.get(kind.name, kind.name)}/"

        def answer(by: Caller, asked: Asked, request: Request) -> Response:
            options = _options(kind, request)
            found = funnels.text(by, kind, definition(asked), asked.question, now=_now(), **options)
            return Response(found.text, media_type="application/json")

        if kind is not FUNNEL:
            router.get(path, name=kind.name)(answer)

    @router.get("/onboarding/analytics/funnel/")
    def funnel(by: Caller, asked: Asked) -> Response:
        """The funnel, under the names that its clients know too, with what is recommended."""
        known, found = funnels.texts(by, (REPORT, FUNNEL), definition(asked), asked.question, now=_now())
        # Both are objects, and no field of one is in the other: joined as text, neither is read again.
        return Response(f"{known[:-1]}, {found[1:]}", media_type="application/json")

    for kind in KINDS.values():
        add(kind)

    return router


def _now() -> datetime:
    return datetime.now(UTC)


def _options(kind: ViewKind[Any], request: Request) -> dict[str, Any]:
    given = {name: request.query_params.get(name) for name in names_of(kind.name)}
    return options_of(kind.name, {name: text for name, text in given.items() if text is not None})
