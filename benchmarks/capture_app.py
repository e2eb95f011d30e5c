"""The Celery app of the capture benchmark, in one of the forms that are compared."""

import os

from celery import Celery, Task

import dlq
from dlq.settings import Settings
from dlq.tasks import DeadLetterTask

TASK = "benchmarks.nothing"
FORM = os.environ["CAPTURE_FORM"]

app = Celery("capture", broker=os.environ["CAPTURE_BROKER"])
app.conf.update(broker_connection_retry_on_startup=True, task_ignore_result=True)
if not FORM.startswith("PLAIN"):
    followed = (TASK,) if FORM == "IN_FLIGHT" else ()
    dlq.install(app, database_url=os.environ["CAPTURE_DATABASE"], settings=Settings(in_flight=followed))

BASE = DeadLetterTask if FORM in {"BASE_CLASS", "IN_FLIGHT"} else Task


@app.task(name=TASK, base=BASE)
def nothing(number: int) -> int:
    return number
