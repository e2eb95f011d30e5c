"""Dead letters over REST: a page of them, one with its history, and its retry.

The parameters of a list are those of the page, so its address says what to ask (see dlq/filter_address.py).
"""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Engine

from api.caller import Caller
from dlq import console, filter_address
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer

_TASKS = "/admin/dlq/tasks"


def letter_routes(engine: Engine, retries: RetryClient, redactor: Redactor, sealer: Sealer) -> APIRouter:
    routes = APIRouter()

    @routes.get(f"{_TASKS}/")
    def tasks(request: Request, by: Caller, after: str | None = None, limit: int = 50) -> Any:
        narrowed = filter_address.from_pairs(request.query_params.multi_items())
        return console.letters(engine, by, narrowed, after, limit, redactor=redactor)

    @routes.get(f"{_TASKS}/{{task_id}}/")
    def task(by: Caller, task_id: str) -> Any:
        letter_id = console.letter_of_task(engine, by, task_id)
        return console.letter(engine, by, letter_id, redactor=redactor, sealer=sealer)

    @routes.post(f"{_TASKS}/{{task_id}}/retry/")
    def retry(by: Caller, task_id: str) -> dict[str, str]:
        receipt = retries.retry(console.letter_of_task(engine, by, task_id), by)
        return {"status": "queued", "task_id": receipt.task_id}

    return routes
