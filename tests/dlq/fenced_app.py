"""A Celery app whose one task commits its work behind the fence: the worker of `test_bulk_retry`."""

import os

import celery
from celery import Celery
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import dlq
from dlq import fence
from dlq.errors import AlreadyDone

app = Celery("fenced", broker=os.environ["FENCED_BROKER"])
app.conf.task_ignore_result = True
dlq.install(app, database_url=os.environ["FENCED_DATABASE"])
engine = create_engine(os.environ["FENCED_DATABASE"], poolclass=NullPool)


@app.task(bind=True, name="fenced.pay")
def pay(task: celery.Task, order: int) -> None:
    try:
        with engine.begin() as connection:
            fence.enter(connection, task.request.id)
            connection.execute(text("INSERT INTO public.paid VALUES (:order)"), {"order": order})
    except AlreadyDone:
        return
