"""Puts capture into the workers of a Celery app."""

from celery import Celery

from dlq.settings import Settings
from dlq.worker.capture import Capture
from dlq.worker.consumer import DeadLetterStep, consumer_step


def install_steps(app: Celery, database_url: str, settings: Settings | None) -> None:
    """Add one consumer step to `app`, instead of one added earlier."""
    capture = Capture(database_url, settings or Settings.from_env())
    steps: set[type] = app.steps["consumer"]
    steps -= {step for step in steps if isinstance(step, type) and issubclass(step, DeadLetterStep)}
    steps.add(consumer_step(capture))
