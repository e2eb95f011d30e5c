"""The part of a worker that sees messages before they become tasks, and that adds capture to tasks.

Celery drops a message without a trace when its name is unknown, its content refused or its body unreadable;
some malformed ones even stop the worker, and the next one that gets them. Here each leaves a letter.
"""

import binascii
import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from celery import bootsteps
from celery.exceptions import NotRegistered
from celery.utils.imports import symbol_by_name
from kombu.transport import virtual

import dlq.broker.limit_command  # noqa: F401 - importing it registers the command
from dlq.letters import Kind
from dlq.tasks import keeps_letters
from dlq.worker import spool
from dlq.worker.capture import Capture
from dlq.worker.failures import MALFORMED, failure_of
from dlq.worker.heartbeat import Heartbeat
from dlq.worker.request import request_class

#: Between two looks at the spool of this machine.
REPLAY_SECONDS = 10.0

_log = logging.getLogger("dlq")


def consumer_step(capture: Capture) -> type[bootsteps.StartStopStep]:
    """The bootstep class that Celery instantiates in each worker of the app."""
    return type("DeadLetters", (DeadLetterStep,), {"capture": capture})


class DeadLetterStep(bootsteps.StartStopStep):
    name = "dead-letters"
    capture: Capture

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._worker = consumer.hostname
        self._tasks = consumer.app.tasks
        self._replay: Any = None
        self._heartbeat = Heartbeat(self.capture, consumer)
        self.capture.queues = consumer.app.amqp.queues.consume_from
        spool.warn_if_unusable(self.capture.settings.spool)
        consumer.update_strategies = self._with_capture(consumer, consumer.update_strategies)
        self._letter_before(consumer, "on_unknown_task", self._on_unknown_task)
        self._letter_before(consumer, "on_unknown_message", self._on_unknown_message)
        self._letter_before(consumer, "on_invalid_task", self._on_invalid_task)
        self._letter_before(consumer, "on_decode_error", self._on_decode_error)
        consumer.create_task_handler = self._guarded(consumer, consumer.create_task_handler)

    def start(self, consumer: Any) -> None:
        self.capture.replay()  # its predecessor may have been killed, and so may it be before the first look
        self._replay = consumer.timer.call_repeatedly(REPLAY_SECONDS, self.capture.replay)
        self._heartbeat.run_by_timer()

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - Celery passes it
        """The connection to the broker is lost, or the worker ends."""
        if self._replay is not None:
            self._replay.cancel()
            self._replay = None
        self._heartbeat.run_by_thread()

    def shutdown(self, consumer: Any) -> None:  # noqa: ARG002 - Celery passes it
        """The worker has ended, its pool too."""
        self._heartbeat.end()

    def _with_capture(self, consumer: Any, update_strategies: Callable[[], None]) -> Callable[[], None]:
        def add_capture_then_update() -> None:
            for task in consumer.app.tasks.values():
                followed = self.capture.follows(task.name, task)
                task.Request = request_class(symbol_by_name(task.Request), self.capture, followed=followed)
            update_strategies()

        return add_capture_then_update

    def _letter_before(self, consumer: Any, name: str, write: Callable[..., Any]) -> None:
        celerys_own = getattr(consumer, name)

        def write_then_go_on(*received: Any) -> None:
            message = write(*received)
            try:
                celerys_own(*received)
            except MALFORMED:
                _log.warning("Celery could not report a malformed message", exc_info=True)
                _reject(consumer, message)

        setattr(consumer, name, write_then_go_on)

    def _guarded(self, consumer: Any, create_task_handler: Callable[..., Any]) -> Callable[..., Any]:
        def create_guarded_handler(*args: Any, **options: Any) -> Callable[[Any], Any]:
            _keep_broken_bodies(consumer.task_consumer.channel)
            _lose_connections_by_name(consumer.task_consumer.channel)
            receive = create_task_handler(*args, **options)

            def receive_or_reject(message: Any) -> Any:
                try:
                    return receive(message)
                except MALFORMED as error:
                    self._write(Kind.MALFORMED, message, error, traceback.format_exc())
                    _reject(consumer, message)

            return receive_or_reject

        return create_guarded_handler

    def _on_unknown_task(self, _body: Any, message: Any, error: BaseException) -> Any:
        name = str(error.args[0]) if error.args else ""
        return self._write(Kind.UNREGISTERED, message, NotRegistered(name))

    def _on_unknown_message(self, _body: Any, message: Any) -> Any:
        return self._write(Kind.MALFORMED, message, ValueError("the message names no task"))

    def _on_invalid_task(self, _body: Any, message: Any, error: BaseException) -> Any:
        return self._write(Kind.MALFORMED, message, error)

    def _on_decode_error(self, message: Any, error: BaseException) -> Any:
        return self._write(Kind.MALFORMED, message, error)

    def _write(self, kind: Kind, message: Any, error: BaseException, trace: str = "") -> Any:
        headers = message.headers if isinstance(message.headers, Mapping) else {}
        if not keeps_letters(self._tasks.get(str(headers.get("task"))), headers):
            return message
        failure = failure_of(
            kind,
            error,
            clock=self.capture.clock,
            worker=self._worker,
            traceback=trace,
            release=self.capture.settings.release,
        )
        self.capture.failed(message, failure)
        return message


def _reject(consumer: Any, message: Any) -> None:
    if not message.acknowledged:
        message.reject_log_error(_log, consumer.connection_errors)


def _keep_broken_bodies(channel: Any) -> None:
    """Let a body that is no base64 in as it is, to fail as unreadable: kombu would stop the worker."""
    if not isinstance(channel, virtual.Channel):
        return

    class MessageOrRaw(channel.Message):
        def __init__(self, payload: dict[str, Any], **options: Any) -> None:
            try:
                super().__init__(payload, **options)
            except binascii.Error:
                undecoded = payload["properties"] | {"body_encoding": None}
                super().__init__(payload | {"properties": undecoded}, **options)

    channel.Message = MessageOrRaw  # type: ignore[assignment]


def _lose_connections_by_name(channel: Any) -> None:
    """Let a Redis channel without a connection say so: kombu's AttributeError would stop the worker.

    It happens when the broker goes away while the worker holds messages that are not acknowledged.
    """
    parameters = getattr(channel, "_connparams", None)
    if parameters is None:
        return

    def parameters_or_lost(*args: Any, **options: Any) -> Any:
        if getattr(channel.connection, "client", None) is None:
            raise ConnectionError("the connection to the broker is lost")
        return parameters(*args, **options)

    channel._connparams = parameters_or_lost  # noqa: SLF001 - see above
