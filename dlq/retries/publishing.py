"""The message that retries a letter, and how it gets into the broker.

It has the stored bytes and the stored headers, so chains, chords, callbacks, time limits, priority and custom
headers survive. Only what belongs to the old run is changed: id, retries, ETA, expiry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError, OperationalError
from sqlalchemy import RowMapping

from dlq.envelope import GENERATION_HEADER, LETTER_HEADER
from dlq.errors import BrokerUnavailable, Unpublishable
from dlq.sealing import Sealer
from dlq.store import envelope_of

_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
# What kombu raises on a stored message whose headers or properties make no sense to it.
_MALFORMED = (KombuError, LookupError, TypeError, ValueError, AttributeError)
_KEPT_PROPERTIES = ("priority", "reply_to", "delivery_mode")


@dataclass(frozen=True, slots=True)
class Outgoing:
    queue: str
    body: bytes
    content_type: str
    content_encoding: str
    headers: Mapping[str, Any]
    properties: Mapping[str, Any]


Publish = Callable[[Outgoing], None]


def outgoing(row: RowMapping, sealer: Sealer) -> Outgoing:
    """The message for a letter that has been claimed, under the task id that the claim allocated.

    Raises CannotOpen when it is sealed and its key is not at hand.
    """
    stored = envelope_of(row, sealer)
    headers = {name: value for name, value in stored.headers.items() if name != "redelivered"}
    if names_its_task(headers):
        headers |= {"id": row["retry_task_id"], "retries": 0, "eta": None, "expires": None}
    headers |= {LETTER_HEADER: row["id"], GENERATION_HEADER: row["generation"]}
    kept = {name: row["properties"][name] for name in _KEPT_PROPERTIES if name in row["properties"]}
    return Outgoing(
        queue=row["queue"],
        body=stored.body,
        content_type=row["content_type"],
        content_encoding=row["content_encoding"],
        headers=headers,
        properties=kept | {"correlation_id": row["retry_task_id"]},
    )


def names_its_task(headers: Mapping[str, Any]) -> bool:
    """Whether name and id stand in the headers. In Celery's first protocol they are in the body and stay."""
    return "task" in headers


def publisher(app: Celery) -> Publish:
    """Publishes through the app's own broker connection; raises BrokerUnavailable or Unpublishable."""

    def publish(message: Outgoing) -> None:
        with app.producer_or_acquire() as producer:
            try:
                producer.publish(
                    message.body,
                    exchange="",
                    routing_key=message.queue,
                    content_type=message.content_type,
                    content_encoding=message.content_encoding,
                    headers=dict(message.headers),
                    retry=True,
                    retry_policy=_RETRY_POLICY,
                    **message.properties,
                )
            except OperationalError as error:
                raise BrokerUnavailable(str(error)) from error
            except _MALFORMED as error:  # before the connection's errors: for Redis these include KeyError
                raise Unpublishable(f"{type(error).__name__}: {error}") from error
            except producer.connection.connection_errors as error:
                raise BrokerUnavailable(str(error)) from error

    return publish
