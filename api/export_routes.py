"""Every table as a file: `export.csv` and `export.parquet` below the path of its list, asked as that is."""

from typing import Any

from anyio import CapacityLimiter
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.caller import Caller
from api.description import parameters
from api.problems import described
from api.streamed_file import MOST_AT_ONCE, StreamedFile
from recovery.exports.formats import FORMATS, Format
from recovery.exports.registry import TABLES
from recovery.exports.table import Sources, Table


def export_routes(sources: Sources) -> APIRouter:
    routes = APIRouter(tags=["exports"])
    limiter = CapacityLimiter(MOST_AT_ONCE)

    def add(table: Table, form: Format) -> None:
        def export(by: Caller, request: Request) -> Response:
            pairs = request.query_params.multi_items()
            blocks = form.encode(table.rows(sources, by, pairs))
            file_name = f"{table.file_name(pairs)}.{form.name}"
            return StreamedFile(blocks, limiter, media_type=form.media_type, file_name=file_name)

        routes.get(
            f"{table.path}export.{form.name}",
            name=f"{table.title} as {form.label}",
            summary=f"{table.title} as {form.label}",
            status_code=200,
            response_class=StreamedFile,
            responses=_described(form),
            openapi_extra=parameters(table.parameters),
        )(export)

    for table in TABLES.values():
        for form in FORMATS.values():
            add(table, form)
    return routes


def _described(form: Format) -> dict[int | str, dict[str, Any]]:
    media_type = form.media_type.partition(";")[0]
    file = {"description": "The file.", "content": {media_type: {"schema": {"type": "string"}}}}
    return {200: file} | described(404)
