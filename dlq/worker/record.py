"""How far a run has come, and the storing of it in one transaction with the ledger of followed tasks."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import Connection

from dlq import recording
from dlq.envelope import GENERATION_HEADER, LETTER_HEADER, Envelope
from dlq.letters import Failure
from dlq.sealing import Sealer
from dlq.times import from_ms
from dlq.worker import in_flight
from dlq.worker.in_flight import Run


class Outcome(StrEnum):
    NONE_YET = "none_yet"  #: it began: the note of a run that the ledger did not take
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    WENT_ON = "went_on"  #: the task published itself again or went back: another run decides


@dataclass(frozen=True, slots=True)
class Record:
    """How a run ended, or that it began. `failure` belongs to FAILED; `run` to a task that is followed."""

    envelope: Envelope
    at_ms: int
    outcome: Outcome
    failure: Failure | None = None
    run: Run | None = None

    def to_json(self, sealer: Sealer) -> dict[str, Any]:
        """As it lies on disk: the whole record is sealed, since its message may hold arguments too."""
        plain = {
            "envelope": self.envelope.to_json(),
            "at_ms": self.at_ms,
            "outcome": self.outcome.value,
            "failure": self.failure and self.failure.to_json(),
            "run": self.run and self.run.to_json(),
        }
        sealed = sealer.seal(json.dumps(plain).encode())
        if sealed.key_id is None:
            return plain
        return {"sealed": sealed.content.decode("ascii"), "key_id": sealed.key_id}

    @classmethod
    def from_json(cls, stored: dict[str, Any], sealer: Sealer) -> Self:
        """Raises CannotOpen, or what a mapping raises that is no record."""
        if "sealed" in stored:
            stored = json.loads(sealer.opened(stored["sealed"].encode("ascii"), stored["key_id"]))
        failure, run = stored["failure"], stored["run"]
        return cls(
            Envelope.from_json(stored["envelope"]),
            stored["at_ms"],
            Outcome(stored["outcome"]),
            None if failure is None else Failure.from_json(failure),
            None if run is None else Run.from_json(run),
        )


def write(connection: Connection, record: Record, poison_attempts: int, sealer: Sealer) -> None:
    """Put a run that began on the ledger; take one that ended off it, then store or settle its letter.

    In this order: a reaper that gave the run up meanwhile holds its row until its letter can be seen here.
    """
    envelope = record.envelope
    if record.outcome == Outcome.NONE_YET:
        if record.run is not None and not recording.has_failed_since(connection, envelope, record.run.at_ms):
            in_flight.note_begun(connection, envelope, record.run, sealer)
        return
    ended = record.outcome != Outcome.WENT_ON
    was_followed = in_flight.forget(connection, envelope, record.run, ended=ended)
    if record.failure is not None:
        recording.record_failure(connection, envelope, record.failure, poison_attempts, sealer=sealer)
    elif record.outcome == Outcome.SUCCEEDED and (not was_followed or _may_have_a_letter(envelope)):
        recording.settle_success(connection, envelope, from_ms(record.at_ms))


def _may_have_a_letter(envelope: Envelope) -> bool:
    headers = envelope.headers
    return LETTER_HEADER in headers or GENERATION_HEADER in headers or bool(headers.get("redelivered"))
