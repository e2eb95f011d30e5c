"""The Celery app: broker settings that hold for the worker, beat and every client that publishes."""

from collections.abc import Sequence

from celery import Celery

#: A message not acknowledged within this time is delivered again. Must exceed every hard time limit and ETA.
VISIBILITY_SECONDS = 3600
HARD_LIMIT_SECONDS = 600
#: Not Celery's default: on a Redis that the team's own workers use, neither must take the other's tasks.
QUEUE = "onward"


def create_celery(redis_url: str, *, prefix: str = "", include: Sequence[str] = ()) -> Celery:
    """An app on `redis_url`, where its keys begin with `prefix`.

    `include` names the task modules that a worker imports; clients need none. Who wants shared tasks to
    belong to it calls `set_default` on it.
    """
    app = Celery("onward", broker=redis_url, include=list(include), set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_time_limit=HARD_LIMIT_SECONDS,
        task_soft_time_limit=HARD_LIMIT_SECONDS - 30,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_timeout": None,
            "global_keyprefix": prefix,
        },
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        timezone="UTC",
        enable_utc=True,
    )
    return app
