"""The REST app. Each route knows who is signed in and calls the function that the page calls."""

from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from analytics.errors import AnalyticsError, StoreUnavailable, UnknownFunnel, UnknownSession
from api.analytics_routes import analytics_routes
from api.event_routes import event_routes
from api.export_routes import export_routes
from api.letter_routes import letter_routes
from api.session_routes import session_routes
from dlq.broker.watch import BrokerWatch
from dlq.errors import ConcernsEveryClient, DlqError, NotAllowedNow, UnknownLetter
from dlq.errors import StoreUnavailable as LettersUnavailable
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from infra.errors import AccessDenied
from recovery.exports.errors import ExportError
from recovery.exports.table import Sources
from recovery.funnels import Funnels

_AWAY = "The database does not answer. Try again shortly."


def create_api(
    engine: Engine,
    funnels: Funnels,
    retries: RetryClient,
    redactor: Redactor,
    sealer: Sealer,
    watch: BrokerWatch,
) -> FastAPI:
    """The routes under /api/v1. The interactive page would load its script from elsewhere, so it is off."""
    api = FastAPI(title="Onward", version="1", docs_url=None, redoc_url=None)

    # First, or a list with an id in its path would take the name of the file for one.
    api.include_router(export_routes(Sources(engine, funnels, redactor, watch, lambda: datetime.now(UTC))))
    api.include_router(analytics_routes(funnels))
    api.include_router(session_routes(engine, funnels))
    api.include_router(event_routes(engine))
    api.include_router(letter_routes(engine, retries, redactor, sealer))

    @api.exception_handler(AccessDenied)
    @api.exception_handler(AnalyticsError)
    @api.exception_handler(DlqError)
    @api.exception_handler(ExportError)
    @api.exception_handler(OperationalError)
    def refused(_request: Request, error: Exception) -> JSONResponse:
        away = isinstance(error, OperationalError)
        return JSONResponse({"detail": _AWAY if away else str(error)}, _status_of(error))

    return api


async def no_such_path(_request: Request) -> JSONResponse:
    """Unknown /api paths answer 404; Streamlit would answer every path with its page."""
    return JSONResponse({"detail": "There is nothing at this path."}, 404)


def _status_of(error: Exception) -> int:
    match error:
        case AccessDenied() | ConcernsEveryClient():
            return 403
        case OperationalError() | StoreUnavailable() | LettersUnavailable():
            return 503
        case UnknownFunnel() | UnknownSession() | UnknownLetter():
            return 404
        case NotAllowedNow():
            return 409
        case _:
            return 422
