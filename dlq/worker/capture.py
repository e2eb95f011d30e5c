"""Writes what the worker saw: to PostgreSQL, else to the spool; and never lets either stop the worker.

Connections open lazily, one pool per process: a forked child must not speak on its parent's socket.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from dlq import recording, store
from dlq.envelope import Envelope, from_message
from dlq.errors import StoreRefused, StoreUnavailable
from dlq.letters import Failure
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.times import Clock, from_ms, to_ms, utc_now
from dlq.worker import spool

CONNECT_SECONDS = 2
STATEMENT_MS = 2000
#: So long after a failed write letters go straight to the spool; an outage must not cost each task 2 s.
AWAY_SECONDS = 15.0

_log = logging.getLogger("dlq")


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to store: a failed run, or the success of a run that a letter waits for (`failure` None)."""

    envelope: Envelope
    at_ms: int
    failure: Failure | None = None

    def to_json(self, sealer: Sealer) -> dict[str, Any]:
        """As it lies on disk: the whole record is sealed, since its message may hold arguments too."""
        failure = None if self.failure is None else self.failure.to_json()
        plain = {"envelope": self.envelope.to_json(), "at_ms": self.at_ms, "failure": failure}
        sealed = sealer.seal(json.dumps(plain).encode())
        if sealed.key_id is None:
            return plain
        return {"sealed": sealed.content.decode("ascii"), "key_id": sealed.key_id}

    @classmethod
    def from_json(cls, stored: dict[str, Any], sealer: Sealer) -> Self:
        """Raises CannotOpen, or what a mapping raises that is no record."""
        if "sealed" in stored:
            stored = json.loads(sealer.opened(stored["sealed"].encode("ascii"), stored["key_id"]))
        failure = stored["failure"]
        return cls(
            Envelope.from_json(stored["envelope"]),
            stored["at_ms"],
            None if failure is None else Failure.from_json(failure),
        )


class Capture:
    """The recorder of one Celery app.

    `lost` counts letters that neither database nor disk would take; `queues` are those that the worker
    listens to, by name.
    """

    def __init__(
        self,
        database_url: str,
        settings: Settings,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.sealer = Sealer.of(settings)
        self.lost = 0
        self.queues: Mapping[str, Any] = {}
        self._url = make_url(database_url).set(drivername="postgresql+psycopg")
        self._monotonic = monotonic
        self._away_until = 0.0
        self._engine: Engine | None = None
        self._engine_pid = 0

    def failed(self, message: Any, failure: Failure, arguments: Mapping[str, Any] | None = None) -> None:
        """Keep a failed run before its message leaves the broker; `arguments` as in `from_message`."""
        self._keep(message, arguments, failure)

    def succeeded(self, message: Any, arguments: Mapping[str, Any] | None = None) -> None:
        """Settle the letter that waits for this run."""
        self._keep(message, arguments, None)

    def replay(self) -> int:
        """Bring spooled records into the database, if it answers; how many were."""
        if self._is_away() or not spool.waiting(self.settings.spool, 1):
            return 0
        try:
            return spool.replay(self.settings.spool, lambda stored: self._write(self._record_in(stored)))
        except StoreUnavailable as error:
            self._stay_away(error)
            return 0

    def close(self) -> None:
        if self._engine is not None and self._engine_pid == os.getpid():
            self._engine.dispose()

    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None or self._engine_pid != os.getpid():
            self._engine = create_engine(
                self._url,
                pool_size=1,
                max_overflow=4,
                pool_pre_ping=True,
                hide_parameters=True,  # they are payloads, and errors are logged
                connect_args={
                    "connect_timeout": CONNECT_SECONDS,
                    "application_name": "dlq",
                    "options": f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={STATEMENT_MS}",
                },
            )
            self._engine_pid = os.getpid()
        return self._engine

    def _keep(self, message: Any, arguments: Mapping[str, Any] | None, failure: Failure | None) -> None:
        try:
            envelope = from_message(message, self.settings, arguments, self.queues)
            record = Record(envelope, to_ms(self.clock()), failure)
            if not self._stored(record):
                spool.append(self.settings.spool, record.to_json(self.sealer), record.at_ms)
        except Exception:  # noqa: BLE001 - a letter that cannot be kept must not take the worker with it
            self.lost += 1
            _log.critical("Lost the letter of task %s", _task_id_of(message), exc_info=True)

    def _stored(self, record: Record) -> bool:
        if self._is_away():
            return False
        try:
            self._write(record)
        except StoreRefused as error:
            _log.error(
                "Letter of task %s goes to %s: %s", record.envelope.task_id, self.settings.spool, error.reason
            )
            return False
        except StoreUnavailable as error:
            self._stay_away(error)
            return False
        return True

    def _write(self, record: Record) -> None:
        with store.transaction(self.engine()) as connection:
            if record.failure is None:
                recording.settle_success(connection, record.envelope, from_ms(record.at_ms))
            else:
                recording.record_failure(
                    connection,
                    record.envelope,
                    record.failure,
                    self.settings.poison_attempts,
                    sealer=self.sealer,
                )

    def _record_in(self, stored: Any) -> Record:
        try:
            return Record.from_json(stored, self.sealer)
        except (LookupError, TypeError, AttributeError) as error:
            raise StoreRefused("the file holds no letter") from error

    def _is_away(self) -> bool:
        return self._monotonic() < self._away_until

    def _stay_away(self, error: StoreUnavailable) -> None:
        self._away_until = self._monotonic() + AWAY_SECONDS
        _log.warning("Dead letters go to %s for now: %s", self.settings.spool, error.reason)


def _task_id_of(message: Any) -> Any:
    headers = getattr(message, "headers", None)
    return headers.get("id") if isinstance(headers, Mapping) else None
