"""Every refusal of a route as problem+json, and what the description of the interface says of them."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from analytics.errors import AnalyticsError, StoreUnavailable, UnknownFunnel, UnknownSession
from dlq.errors import (
    BrokerUnavailable,
    CannotOpen,
    ConcernsEveryClient,
    CountMoved,
    DlqError,
    NotAllowedNow,
    UnknownLetter,
    Unpublishable,
)
from dlq.errors import StoreUnavailable as LettersUnavailable
from infra.errors import AccessDenied
from infra.problems import MEDIA_TYPE, problem
from recovery.exports.errors import ExportError

_AWAY = "The database does not answer. Try again shortly."
_UNREADABLE = (
    "A value holds what no text can hold, such as a zero byte or half a surrogate pair, or is out of range."
)
_BROKEN = "Something broke on our side. It is in the log under the X-Request-ID of this answer."
_SAYS = {
    400: "The host name is not one of ours.",
    401: "Nobody is signed in, or the token is unknown, revoked or expired.",
    403: "The role, or a restriction to clients, does not allow it; or another site sent it.",
    404: "There is nothing of that name.",
    405: "The path knows other methods.",
    408: "The body came too slowly.",
    409: "The state of the task does not allow it now.",
    413: "The body is too large.",
    422: "A parameter or the body cannot be used; `detail` says which and why.",
    429: "Too many requests; Retry-After says when to go on.",
    503: "The database, or the files of events, do not answer. Nothing was changed.",
}
#: What any route may answer, before it is even reached.
_ANY = (400, 401, 403, 405, 408, 413, 422, 429, 503)


class Problem(BaseModel):
    """A refusal, as RFC 9457 writes it."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no dead letter of task 7f9c.",
                "instance": "/api/v1/admin/dlq/tasks/7f9c/",
            }
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None


def described(*more: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that every route may answer with, and `more`, for the description of the interface."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _SAYS[status], "content": content} for status in sorted({*_ANY, *more})}


def answer_refusals(api: FastAPI) -> None:
    for error in (
        *(AccessDenied, AnalyticsError, DlqError, ExportError),
        *(OperationalError, DataError, UnicodeEncodeError),
    ):
        api.add_exception_handler(error, _refused)
    api.add_exception_handler(HTTPException, _not_served)
    api.add_exception_handler(RequestValidationError, _not_understood)
    api.add_exception_handler(Exception, _broken)


def _refused(request: Request, error: Exception) -> JSONResponse:
    status = _status_of(error)
    match error:
        case OperationalError():
            return _problem(request, status, _AWAY, {"retry-after": "5"})
        case DataError() | UnicodeEncodeError():
            return _problem(request, status, _UNREADABLE)
        case _:
            return _problem(request, status, str(error))


def _not_served(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return _problem(request, error.status_code, _SAYS.get(error.status_code, error.detail), error.headers)


def _not_understood(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return _problem(request, 422, "; ".join(map(_fault, error.errors())))


def _fault(one: Mapping[str, Any]) -> str:
    name = ".".join(map(str, one["loc"][1:]))
    if not name and one["type"] == "missing":
        return "body: is missing; send a JSON object"
    return f"{name or 'body'}: {one['msg']}"


def _broken(request: Request, _error: Exception) -> JSONResponse:
    return _problem(request, 500, _BROKEN)


def _problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return problem(status, detail, instance=request.url.path, headers=headers)


def _status_of(error: Exception) -> int:
    match error:
        case AccessDenied() | ConcernsEveryClient():
            return 403
        case OperationalError() | StoreUnavailable() | LettersUnavailable() | BrokerUnavailable():
            return 503
        case UnknownFunnel() | UnknownSession() | UnknownLetter():
            return 404
        case NotAllowedNow() | CountMoved() | CannotOpen() | Unpublishable():
            return 409
        case _:
            return 422
