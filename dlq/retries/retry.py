"""Sends a dead letter's task again: claim, commit, publish, mark.

The claim names the retry's task id before anything is published, so a crash at any point leaves either a dead
letter or a claim that the reaper finishes under that same id. Of many who press retry, one gets the claim.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from celery import Celery
from sqlalchemy import Connection, Engine, RowMapping

from dlq import store
from dlq.access import RETRY, Actor, Audit
from dlq.broker.listeners import listeners
from dlq.envelope import readable_body
from dlq.errors import (
    AlreadyRetrying,
    BrokerUnavailable,
    NotAllowedNow,
    Poisoned,
    StoreUnavailable,
    UnknownLetter,
    Unpublishable,
)
from dlq.letters import Status
from dlq.retries import claims
from dlq.retries.publishing import Outgoing, Publish, Publisher, outgoing, takes_another_id
from dlq.retries.warnings import Destination, risks_of, warnings
from dlq.sealing import Sealer
from dlq.times import Clock, from_ms, utc_now
from dlq.versions import version_of

_log = logging.getLogger("dlq")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a retry would do, in words for the person about to press it."""

    letter_id: int
    task_name: str
    queue: str
    attempts: int
    sends: str  #: what will happen, in one sentence
    warnings: tuple[str, ...]
    needs_even_poisoned: bool  #: the retry is refused unless told `even_poisoned`


@dataclass(frozen=True, slots=True)
class Receipt:
    """A retry that was accepted."""

    letter_id: int
    task_id: str  #: of the new run
    claimed_at: datetime
    generation: int
    published: bool  #: False: the broker or the database was away; the reaper sends the message


class RetryClient:
    """Retries letters on behalf of people. `publish` replaces the app's broker connection."""

    def __init__(
        self,
        engine: Engine,
        app: Celery,
        audit: Audit,
        clock: Clock = utc_now,
        publish: Publish | None = None,
        *,
        sealer: Sealer,
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._audit = audit
        self._clock = clock
        self._publish = publish or Publisher(app)

    def preview(self, letter_id: int, by: Actor, *, queue: str = "", version: int | None = None) -> Preview:
        """Say what `retry` would do now. Raises as `retry` would, except for a poisoned letter."""
        by.require(RETRY)
        with store.transaction(self._engine) as connection:
            row = store.letter_row(connection, letter_id, by.clients)
            if row is None or row["status"] not in {Status.DEAD, Status.POISONED}:
                raise _refusal(letter_id, row)
            message = version_of(connection, row, version, self._sealer)
            listening = listeners(connection, self._clock())
        going = Destination(row["task_name"], queue or row["queue"], 1)
        risks = risks_of(row, readable_body(message))
        return Preview(
            letter_id=letter_id,
            task_name=row["task_name"],
            queue=going.queue,
            attempts=row["attempts"],
            sends=_sends(going, version),
            warnings=warnings(risks, (going,), listening),
            needs_even_poisoned=row["status"] == Status.POISONED,
        )

    def retry(
        self,
        letter_id: int,
        by: Actor,
        reason: str = "",
        *,
        even_poisoned: bool = False,
        queue: str = "",
        version: int | None = None,
    ) -> Receipt:
        """Send the letter's task again under a new task id, to `queue` or its own.

        `version` names edited arguments; None or 0 sends the original. Raises AlreadyRetrying when somebody
        was first, Poisoned, NotAllowedNow, UnknownLetter, UnknownVersion, Unpublishable, CannotOpen or
        StoreUnavailable; then nothing was sent. Once the claim stands, neither broker nor database being away
        is an error: the receipt says whether the message went out, and the reaper sends what is not marked.
        So it may be sent twice, under one task id, when the database goes away before the mark.
        """
        by.require(RETRY)
        with store.transaction(self._engine) as connection:
            row = self._claim(connection, letter_id, by, reason, even_poisoned, queue, version)
            # What is unknown or cannot be opened is refused before the claim stands.
            message = outgoing(row, version_of(connection, row, version, self._sealer))
        try:
            published = self._send(row, message)
        except Unpublishable as error:
            self._hand_back(row, by, error)
            raise
        return Receipt(
            letter_id=letter_id,
            task_id=row["retry_task_id"],
            claimed_at=from_ms(row["claimed_at_ms"]),
            generation=row["generation"],
            published=published,
        )

    def _claim(
        self,
        connection: Connection,
        letter_id: int,
        by: Actor,
        reason: str,
        even_poisoned: bool,
        queue: str,
        version: int | None,
    ) -> RowMapping:
        found = store.letter_row(connection, letter_id, by.clients)
        if found is None:
            raise UnknownLetter(letter_id)
        row = claims.claim(
            connection,
            letter_id,
            (Status.DEAD, Status.POISONED) if even_poisoned else (Status.DEAD,),
            task_id=str(uuid4()) if takes_another_id(found) else found["task_id"],
            by=by.login,
            at=self._clock(),
            reason=reason,
            queue=queue or None,
            version=version or None,
        )
        if row is None:
            raise _refusal(letter_id, store.letter_row(connection, letter_id, by.clients))
        self._write_audit(connection, row, by, reason)
        return row

    def _write_audit(self, connection: Connection, row: RowMapping, by: Actor, reason: str) -> None:
        self._audit(
            connection,
            actor=by.login,
            action="letter.retry",
            subject=f"letter:{row['id']}",
            before={"status": row["from_status"], "attempts": row["attempts"]},
            after={
                "status": row["status"],
                "task_id": row["retry_task_id"],
                "queue": row["claimed_queue"] or row["queue"],
                "version": row["claimed_version"] or 0,
                "reason": reason,
            },
        )

    def _send(self, row: RowMapping, message: Outgoing) -> bool:
        sent = False
        try:
            with store.transaction(self._engine) as connection:
                claim = {row["id"]: row["claim_id"]}
                if claims.hold(connection, claim):
                    self._publish(message)
                sent = True
                claims.mark_published(connection, claim, self._clock())
        except (BrokerUnavailable, StoreUnavailable) as error:
            _log.warning("The reaper goes on with the retry of letter %s: %s", row["id"], error)
        return sent

    def _hand_back(self, row: RowMapping, by: Actor, error: Unpublishable) -> None:
        with store.transaction(self._engine) as connection:
            claims.hand_back(connection, row, by=by.login, at=self._clock(), reason=error.reason)


def _sends(going: Destination, version: int | None) -> str:
    arguments = f"the arguments of version {version}" if version else "its original arguments"
    name = going.task_name or "the task"
    return f"{name} is sent to queue {going.queue} with {arguments}, under a new task id."


def _refusal(letter_id: int, row: RowMapping | None) -> UnknownLetter | NotAllowedNow:
    if row is None:
        return UnknownLetter(letter_id)
    if row["status"] == Status.RETRYING:
        return AlreadyRetrying(letter_id, row["claimed_by"], from_ms(row["claimed_at_ms"]))
    if row["status"] == Status.POISONED:
        return Poisoned(letter_id, row["attempts"])
    return NotAllowedNow(letter_id, row["status"], "retried")
