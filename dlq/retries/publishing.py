"""The message that retries a letter, and how it gets into the broker.

It has the stored bytes and the stored headers, so chains, chords, callbacks, time limits, priority and custom
headers survive. Only what belongs to the old run is changed: id, retries, ETA, expiry. Celery's first
protocol has these in the body, where they stay unless it is JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from celery import Celery
from kombu.exceptions import BatchPublishError, KombuError, OperationalError
from kombu.messaging import Producer
from sqlalchemy import RowMapping

from dlq.envelope import (
    GENERATION_HEADER,
    LETTER_HEADER,
    OF_THE_OLD_RUN,
    PUBLISHED_HEADER,
    WORK_HEADER,
    Envelope,
    begun_anew,
)
from dlq.errors import BrokerUnavailable, Unpublishable
from dlq.redaction import Redactor

_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
# What kombu raises on a stored message whose headers or properties make no sense to it.
_MALFORMED = (KombuError, LookupError, TypeError, ValueError, AttributeError)
_OF_THE_OLD_DELIVERY = frozenset({"redelivered", PUBLISHED_HEADER})
# Such an error quotes what it stumbled over, and is shown, logged and kept with the operation.
_TOLD = Redactor(email=True)
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


def outgoing(row: RowMapping, stored: Envelope) -> Outgoing:
    """The message `stored` for a letter that has been claimed, under the task id that the claim allocated."""
    headers = {name: value for name, value in stored.headers.items() if name not in _OF_THE_OLD_DELIVERY}
    if "task" in headers:
        headers |= {"id": row["retry_task_id"], **OF_THE_OLD_RUN}
    else:
        stored = begun_anew(stored, row["retry_task_id"])
    headers |= {LETTER_HEADER: row["id"], GENERATION_HEADER: row["generation"]}
    headers.setdefault(WORK_HEADER, row["task_id"])
    kept = {name: stored.properties[name] for name in _KEPT_PROPERTIES if name in stored.properties}
    return Outgoing(
        queue=row["claimed_queue"] or stored.queue,
        body=stored.body,
        content_type=stored.content_type,
        content_encoding=stored.content_encoding,
        headers=headers,
        properties=kept | {"correlation_id": row["retry_task_id"]},
    )


def takes_another_id(row: RowMapping) -> bool:
    """Whether id and name of a letter's task stand where they can be changed: in headers, or in JSON."""
    return "task" in row["headers"] or bool(row["task_name"])


class Publisher:
    """Publishes through the app's own broker connection."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def __call__(self, message: Outgoing) -> None:
        """Raises BrokerUnavailable or Unpublishable."""
        if refused := self.together((message,)):
            raise refused[0]

    def together(self, messages: Sequence[Outgoing]) -> Mapping[int, Unpublishable]:
        """Publish in one round trip where the broker can; those that no broker takes, by position.

        Raises BrokerUnavailable: then nobody knows which of the messages the broker has.
        """
        with self._app.producer_or_acquire() as producer:
            try:
                with producer.batch() if len(messages) > 1 else nullcontext():
                    answers = [_refusal(producer, message) for message in messages]
            except (OperationalError, BatchPublishError) as error:
                raise BrokerUnavailable(str(error.__cause__ or error)) from error
            except producer.connection.connection_errors as error:
                raise BrokerUnavailable(str(error)) from error
        return {position: error for position, error in enumerate(answers) if error is not None}


def _refusal(producer: Producer, message: Outgoing) -> Unpublishable | None:
    """Publish, or say why no broker takes the message."""
    try:
        _publish(producer, message)
    except (OperationalError, BatchPublishError):  # kombu's errors too, but the broker's fault
        raise
    except _MALFORMED as error:  # before the connection's errors: for Redis these include KeyError
        return Unpublishable(_TOLD.text(f"{type(error).__name__}: {error}"))
    return None


def _publish(producer: Producer, message: Outgoing) -> None:
    producer.publish(  # type: ignore[no-untyped-call]
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
