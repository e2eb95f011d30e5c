"""Lines of a worker that name the run they belong to, in the form that all programs log in.

`write_logs` before the worker starts: Celery then leaves the set-up of logging to us.
"""

import logging
from collections.abc import Mapping
from typing import Any

from celery import signals

from dlq.envelope import LETTER_HEADER, name_of
from dlq.redaction import Redactor
from dlq.redaction.logs import redact_logs
from dlq.tasks import CORRELATION_HEADER
from infra.logs import LogStyle, bind, configure, unbind

#: Loggers whose records carry the task in `data`; the first writes where no task runs yet.
_CELERY_LOGGERS = ("celery.worker.strategy", "celery.app.trace")


def write_logs(style: LogStyle | None, redactor: Redactor) -> None:
    """Log in `style`, masked by `redactor`, with the task's ids bound while it runs."""
    redact_logs(redactor)

    def set_up(loglevel: int = logging.INFO, **_: Any) -> None:
        configure(style, mask=redactor.text, level=loglevel)

    # Strong: what is defined in here would be gone before the signal comes.
    signals.setup_logging.connect(set_up, weak=False)
    signals.task_prerun.connect(_bind_run)
    signals.task_postrun.connect(_unbind_run)
    for name in _CELERY_LOGGERS:
        logging.getLogger(name).addFilter(_name_task)


def _bind_run(task: Any, task_id: str, **_: Any) -> None:
    request = task.request
    headers = request.headers or {}
    request.onward_bound = bind(
        task_id=task_id,
        correlation_id=_cut(headers.get(CORRELATION_HEADER) or request.root_id or task_id),
        letter=_cut(headers[LETTER_HEADER]) if LETTER_HEADER in headers else None,
    )


def _unbind_run(task: Any, **_: Any) -> None:
    unbind(task.request.onward_bound)


def _cut(sent: object) -> str:
    return name_of(str(sent))


def _name_task(record: logging.LogRecord) -> bool:
    about = getattr(record, "data", None)
    if isinstance(about, Mapping) and "id" in about:
        record.fields = {"task_id": about["id"]}
    return True
