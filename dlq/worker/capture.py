"""Writes what the worker saw: to PostgreSQL, else to the spool; and never lets either stop the worker.

Connections open lazily, one pool per process: a forked child must not speak on its parent's socket.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url

from dlq import store
from dlq.envelope import Envelope, from_message
from dlq.errors import StoreRefused, StoreUnavailable
from dlq.letters import Failure
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.times import Clock, to_ms, utc_now
from dlq.worker import in_flight, record, spool
from dlq.worker.frozen import connect_impatiently
from dlq.worker.in_flight import Run
from dlq.worker.record import Outcome, Record

CONNECT_SECONDS = 2
STATEMENT_MS = 2000
#: After a failed write letters go to the spool for ten times as long as it took, within these bounds:
#: an outage must not cost each task 2 s, and a database that refuses at once may be asked again soon.
SOONEST_SECONDS, AWAY_SECONDS = 1.0, 15.0
_AWAY_SHARE = 10

_log = logging.getLogger("dlq")

T = TypeVar("T")


class Capture:
    """The recorder of one Celery app.

    `lost` counts letters that neither database nor disk would take; `queues` are those that the worker
    listens to, by name; `boot` is new at each start of a process.
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
        self.boot = uuid4()
        self.queues: Mapping[str, Any] = {}
        self._url = make_url(database_url).set(drivername="postgresql+psycopg")
        self._monotonic = monotonic
        self._away_until = 0.0
        self._told_until = 0.0
        self._engine: Engine | None = None
        self._engine_pid = 0

    def follows(self, name: str, task: Any) -> bool:
        """Whether runs of this task (None when unknown) are on the ledger from publishing to their end."""
        asked = bool(getattr(task, "in_flight", False))
        return asked or any(fnmatchcase(name, pattern) for pattern in self.settings.in_flight)

    def failed(
        self,
        message: Any,
        failure: Failure,
        arguments: Mapping[str, Any] | None = None,
        run: Run | None = None,
    ) -> None:
        """Keep a failed run before its message leaves the broker; `arguments` as in `from_message`."""
        self._keep(message, Outcome.FAILED, arguments, failure, run)

    def succeeded(
        self, message: Any, arguments: Mapping[str, Any] | None = None, run: Run | None = None
    ) -> None:
        """Settle the letter that waits for this run."""
        self._keep(message, Outcome.SUCCEEDED, arguments, None, run)

    def went_on(self, message: Any, run: Run) -> None:
        """The run is over; another run of the same task decides its outcome."""
        self._keep(message, Outcome.WENT_ON, {}, None, run)

    def received(self, message: Any, run: Run) -> int | None:
        """`run` begins; how often its task went back before, None while the database is away."""
        envelope = self._envelope(message)
        since = to_ms(self.clock() - timedelta(seconds=self.settings.silent_seconds))
        return self.tell(lambda it: in_flight.note_received(it, envelope, run, since, self.sealer))

    def acknowledging(self, message: Any, run: Run) -> Run:
        """The broker is about to forget `run`, which the ledger did not take: `run` with its note on disk."""
        began = Record(self._envelope(message), run.at_ms, Outcome.NONE_YET, run=run)
        try:
            note = spool.append_note(self.settings.spool, began.to_json(self.sealer), run.at_ms)
        except OSError as error:
            _log.error("Task %s is lost if this worker dies now: %s", began.envelope.task_id, error)
            return run
        return replace(run, note=note)

    def sent_back(self, message: Any) -> int | None:
        """A run died and its task goes back; how often it has, None while the database is away."""
        envelope, at_ms = self._envelope(message), to_ms(self.clock())
        return self.tell(lambda it: in_flight.note_sent_back(it, envelope, at_ms, self.sealer))

    def published(self, message: Any) -> bool:
        """The task is about to be published; whether that is on the ledger."""
        envelope, at_ms = self._envelope(message), to_ms(self.clock())
        return self.tell(lambda it: in_flight.note_published(it, envelope, at_ms, self.sealer)) is not None

    def tell(self, write: Callable[[Connection], T]) -> T | None:
        """What `write` answers in a transaction of its own; None, and no error, where it cannot be stored."""
        if self._is_away():
            return None
        try:
            with self._asking() as connection:
                return write(connection)
        except StoreRefused as error:
            _log.error("%s", error)
        except StoreUnavailable:
            pass
        return None

    def replay(self) -> int:
        """Bring spooled records into the database, if it answers; how many were."""
        if self._is_away() or not spool.waiting(self.settings.spool, 1):
            return 0
        try:
            return spool.replay(self.settings.spool, lambda stored: self._write(self._record_in(stored)))
        except StoreUnavailable:
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
            connect_impatiently(self._engine)
            self._engine_pid = os.getpid()
        return self._engine

    def _keep(
        self,
        message: Any,
        outcome: Outcome,
        arguments: Mapping[str, Any] | None,
        failure: Failure | None,
        run: Run | None,
    ) -> None:
        try:
            envelope = self._envelope(message, arguments)
            kept = Record(envelope, to_ms(self.clock()), outcome, failure, run)
            if run and run.note:  # spool.py says why its end is not written past its note
                self._spool(kept)
                self.replay()
            elif not self._stored(kept):
                self._spool(kept)
        except Exception:  # noqa: BLE001 - a letter that cannot be kept must not take the worker with it
            self.lost += 1
            _log.critical("Lost the letter of task %s", _task_id_of(message), exc_info=True)

    def _envelope(self, message: Any, arguments: Mapping[str, Any] | None = None) -> Envelope:
        return from_message(message, self.settings, arguments, self.queues)

    def _stored(self, kept: Record) -> bool:
        if self._is_away():
            return False
        try:
            self._write(kept)
        except StoreRefused as error:
            _log.error("Letter of task %s goes to the spool: %s", kept.envelope.task_id, error.reason)
            return False
        except StoreUnavailable:
            return False
        return True

    def _spool(self, kept: Record) -> None:
        note = kept.run.note if kept.run else None
        try:
            spool.append(self.settings.spool, kept.to_json(self.sealer), kept.at_ms, note)
        except OSError:
            # The database may be back before it is expected to be, and nothing else is left.
            self._write(kept)
            self._away_until = 0.0
        if note:
            note.unlink(missing_ok=True)

    def _write(self, kept: Record) -> None:
        with self._asking() as connection:
            record.write(connection, kept, self.settings.poison_attempts, self.sealer)

    def _record_in(self, stored: Any) -> Record:
        try:
            return Record.from_json(stored, self.sealer)
        except (LookupError, TypeError, AttributeError) as error:
            raise StoreRefused("the file holds no letter") from error

    def _is_away(self) -> bool:
        return self._monotonic() < self._away_until

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """A transaction. One that fails as StoreUnavailable keeps the next from being tried too soon."""
        began = self._monotonic()
        try:
            with store.transaction(self.engine()) as connection:
                yield connection
        except StoreUnavailable as error:
            now = self._monotonic()
            self._away_until = now + min(max(_AWAY_SHARE * (now - began), SOONEST_SECONDS), AWAY_SECONDS)
            if now >= self._told_until:
                self._told_until = now + AWAY_SECONDS
                _log.warning("Dead letters go to %s for now: %s", self.settings.spool, error.reason)
            raise


def _task_id_of(message: Any) -> Any:
    headers = getattr(message, "headers", None)
    return headers.get("id") if isinstance(headers, Mapping) else None
