"""Puts capture into a Celery app: into its workers, and into what it publishes."""

from celery import Celery

from dlq.settings import Settings
from dlq.worker.capture import Capture
from dlq.worker.consumer import DeadLetterStep, consumer_step
from dlq.worker.publishing import install_publishing


def install_capture(app: Celery, database_url: str, settings: Settings | None, *, publishing: bool) -> None:
    """Add one consumer step to `app`, instead of one added earlier, and note what it publishes."""
    capture = Capture(database_url, settings or Settings.from_env())
    steps: set[type] = app.steps["consumer"]
    steps -= {step for step in steps if isinstance(step, type) and issubclass(step, DeadLetterStep)}
    steps.add(consumer_step(capture))
    install_publishing(app, capture, keeps=publishing)
