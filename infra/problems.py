"""Refusals as RFC 9457 writes them, for whoever reads them by program."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, detail: str, *, instance: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An answer with this status; `detail` says what to do, `instance` is the path that was asked."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if instance is not None:
        body["instance"] = instance
    return JSONResponse(body, status, dict(headers or {}), media_type=MEDIA_TYPE)
