"""The routes under /api/v1 that answer questions about funnels.

Every view is asked with the same parameters and answers with the record that its page shows.
"""

from collections.abc import Callable
from dataclasses import make_dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, get_type_hints

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from analytics import definitions
from analytics.errors import InvalidQuery, listed, nearest
from analytics.funnels import FunnelDefinition
from analytics.question import Filter, Question
from analytics.views.all_kinds import KINDS
from analytics.views.funnel import FUNNEL
from analytics.views.kinds import ViewKind
from analytics.views.options import OPTIONS, options_of
from analytics.views.records import FunnelView
from analytics.views.report import REPORT, FunnelReport
from api.caller import Caller
from api.description import answers, parameters
from api.hot_answers import HotAnswers
from infra.access.roles import Permission, Person
from recovery.exports.asking import PARAMETERS
from recovery.exports.views import PATHS
from recovery.funnels import Funnels

#: Both are objects, and no field of one is in the other.
FunnelAnswer = make_dataclass(
    "FunnelAnswer",
    [one for record in (FunnelReport, FunnelView) for one in get_type_hints(record).items()],
    frozen=True,
)
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What the If-None-Match names is still what would be answered."}
}


class AskedFor:
    """Which funnel, and the question about it: the parameters that all views share."""

    def __init__(
        self,
        name: str,
        first: date | None,
        last: date | None,
        zone: str,
        breakdown: tuple[str, ...],
        attribution: str,
        completions: str,
        where: tuple[str, ...],
        client: tuple[str, ...],
        window_seconds: int | None,
    ) -> None:
        self.name = name
        self.window_seconds = window_seconds
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


async def _asked_for(
    name: str = "onboarding",
    first: Annotated[date | None, Query(alias="from", description="first day of entry")] = None,
    last: Annotated[date | None, Query(alias="to", description="last day of entry, included")] = None,
    zone: Annotated[str, Query(description="time zone of the days, as Europe/Berlin")] = "UTC",
    breakdown: Annotated[tuple[str, ...], Query(alias="by", description="property")] = (),
    attribution: Annotated[str, Query(description="whose value counts in the breakdown")] = "session",
    completions: Annotated[str, Query(description="within_window or within_range")] = "within_window",
    where: Annotated[tuple[str, ...], Query(description="dimension=value; may be repeated")] = (),
    client: Annotated[tuple[str, ...], Query(description="only sessions of these clients")] = (),
    window_seconds: Annotated[int | None, Query(description="instead of the funnel's own")] = None,
) -> AskedFor:
    return AskedFor(
        name, first, last, zone, breakdown, attribution, completions, where, client, window_seconds
    )


Asked = Annotated[AskedFor, Depends(_asked_for)]


def analytics_routes(funnels: Funnels) -> APIRouter:
    router = APIRouter(tags=["analytics"])
    hot = HotAnswers()

    def definition(asked: AskedFor) -> FunnelDefinition:
        saved = definitions.latest(funnels.reader.engine, asked.name).definition
        return saved.within(asked.window_seconds)

    async def answer(by: Person, kind: ViewKind[Any], request: Request, make: Callable[[], str]) -> Response:
        by.require(Permission.READ_FUNNELS)
        _check_names(kind, request)
        key = (request.url.path, request.url.query, by.clients)
        return await hot.answer(request, key, lambda: to_thread.run_sync(make))

    def add(kind: ViewKind[Any]) -> None:
        async def view(by: Caller, asked: Asked, request: Request) -> Response:
            options = _options(kind, request)

            def make() -> str:
                return funnels.text(by, kind, definition(asked), asked.question, now=_now(), **options).text

            return await answer(by, kind, request, make)

        router.get(
            f"/onboarding/analytics/{PATHS.get(kind.name, kind.name)}/",
            name=kind.name,
            description=kind.record.__doc__,
            responses=answers(kind.record, kind.name, 404) | _UNCHANGED,
            openapi_extra=_options_of(kind),
        )(view)

    @router.get("/onboarding/analytics/funnel/", responses=answers(FunnelAnswer, "funnel", 404) | _UNCHANGED)
    async def funnel(by: Caller, asked: Asked, request: Request) -> Response:
        """The funnel, under the names that its clients know too, with what is recommended."""

        def make() -> str:
            known, found = funnels.texts(by, (REPORT, FUNNEL), definition(asked), asked.question, now=_now())
            # Joined as text, neither is read again.
            return f"{known[:-1]}, {found[1:]}"

        return await answer(by, FUNNEL, request, make)

    for kind in KINDS.values():
        if kind is not FUNNEL:
            add(kind)

    return router


def _now() -> datetime:
    return datetime.now(UTC)


def _check_names(kind: ViewKind[Any], request: Request) -> None:
    """A misspelt filter would be an answer about everybody. Raises InvalidQuery."""
    known = {*PARAMETERS, *OPTIONS.get(kind.name, {})}
    for name in request.query_params:
        if name not in known:
            hint = f"{nearest(name, known)}; {listed('allowed', sorted(known))}"
            raise InvalidQuery(name, f"is no parameter of this view{hint}")


def _options(kind: ViewKind[Any], request: Request) -> dict[str, Any]:
    asked = request.query_params
    return options_of(kind.name, {name: asked[name] for name in OPTIONS.get(kind.name, {}) if name in asked})


def _options_of(kind: ViewKind[Any]) -> dict[str, Any]:
    options = OPTIONS.get(kind.name, {})
    return parameters({name: option.meaning for name, option in options.items()})
