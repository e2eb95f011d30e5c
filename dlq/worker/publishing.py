"""What an app publishes: with the time on it, on the ledger if followed, and in a letter if refused.

The error of a message that could not be published still reaches the caller. A task that could not publish
itself again, by `retry`, leaves that letter to its worker, which has the message it came in.
"""

import traceback
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from celery import Celery, current_task
from celery.app.amqp import AMQP
from celery.utils.imports import symbol_by_name
from kombu.exceptions import KombuError
from kombu.serialization import dumps

from dlq.envelope import PUBLISHED_HEADER
from dlq.letters import Kind
from dlq.tasks import keeps_letters, runs_twice_harmlessly
from dlq.times import to_ms
from dlq.worker.capture import Capture
from dlq.worker.failures import failure_of
from dlq.worker.in_flight import IN_FLIGHT_HEADER

#: Of a body that no serializer takes. Nothing runs such a message; it is kept to be read.
UNSERIALISED = "text/x-repr"

_OF_THE_MESSAGE = ("priority", "delivery_mode", "expiration")


def install_publishing(app: Celery, capture: Capture, *, keeps: bool) -> None:
    """Let `app` note the time on what it publishes; with `keeps`, also ledger and letters."""
    current: type[AMQP] = symbol_by_name(app.amqp_cls)
    plain = current.plain if issubclass(current, LetterAMQP) else current
    noting = type(
        f"Letter{plain.__name__}", (LetterAMQP, plain), {"plain": plain, "capture": capture, "keeps": keeps}
    )
    app.amqp_cls = noting
    if "amqp" in vars(app):  # made before the line that installs, perhaps with queues added to it
        app.amqp.__class__ = noting
        vars(app.amqp).pop("send_task_message", None)


class LetterAMQP(AMQP):
    plain: type[AMQP]
    capture: Capture
    keeps: bool

    def _create_task_sender(self) -> Callable[..., Any]:
        send = super()._create_task_sender()

        def note_and_send(
            producer: Any, name: str, message: Any, headers: Mapping[str, Any] | None = None, **options: Any
        ) -> Any:
            headers = {**(headers or {}), PUBLISHED_HEADER: to_ms(self.capture.clock())}
            if not self._keeps_letters(name, headers):
                return send(producer, name, message, headers=headers, **options)
            if self.capture.follows(name, self.app.tasks.get(name)):
                headers[IN_FLIGHT_HEADER] = True
                self.capture.published(self._as_sent(message, headers, options))
            try:
                return send(producer, name, message, headers=headers, **options)
            except Exception as error:
                if not _publishes_itself_again(message):
                    self._keep(name, self._as_sent(message, headers, options), error)
                raise

        return note_and_send

    def _keeps_letters(self, name: str, headers: Mapping[str, Any]) -> bool:
        return self.keeps and keeps_letters(self.app.tasks.get(name), headers)

    def _keep(self, name: str, sent: SimpleNamespace, error: Exception) -> None:
        failure = failure_of(
            Kind.UNPUBLISHED,
            error,
            clock=self.capture.clock,
            worker=str(sent.headers.get("origin") or ""),
            traceback=traceback.format_exc(),
            idempotent=runs_twice_harmlessly(self.app.tasks.get(name)),
            release=self.capture.settings.release,
        )
        self.capture.failed(sent, failure)

    def _as_sent(
        self, message: Any, headers: Mapping[str, Any], options: Mapping[str, Any]
    ) -> SimpleNamespace:
        """The message as a worker would receive it."""
        conf = self.app.conf
        content_type, encoding, body = _serialised(
            message.body, options.get("serializer") or conf.task_serializer
        )
        compression = options.get("compression") or conf.task_compression
        queue, exchange = options.get("queue"), options.get("exchange")
        if queue is None and not exchange:
            queue = conf.task_default_queue
        return SimpleNamespace(
            headers={**message.headers, **headers} | ({"compression": compression} if compression else {}),
            properties={
                **message.properties,
                **{name: options[name] for name in _OF_THE_MESSAGE if name in options},
            },
            delivery_info={
                "exchange": "" if queue else getattr(exchange, "name", exchange),
                "routing_key": getattr(queue, "name", queue) or options.get("routing_key"),
            },
            content_type=content_type,
            content_encoding=encoding,
            body=body,
            errors=[],
        )


def _serialised(body: Any, serializer: str) -> tuple[str, str, str | bytes]:
    try:
        return dumps(body, serializer)  # type: ignore[no-any-return, no-untyped-call]
    except KombuError:
        return UNSERIALISED, "utf-8", repr(body)


def _publishes_itself_again(message: Any) -> bool:
    running = current_task.request if current_task else None
    return running is not None and not running.called_directly and running.id == message.headers.get("id")
