"""Edited arguments of a letter. The original is version 0 and stays as it came; each edit is one more.

An edit is JSON and changes arguments alone: callbacks, chord and chain of the message stay. People see and
edit arguments with secrets masked; a mask left where it was keeps its secret (see `redaction/unmasking.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import unified_diff
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select

from dlq.access import READ, RETRY, Actor, Audit
from dlq.envelope import REPEATS_ARGUMENTS, Body, Envelope, readable_body, with_arguments
from dlq.errors import CannotOpen, NotAllowedNow, NotEditable, UnknownLetter, UnknownVersion
from dlq.letters import Status
from dlq.queries import LetterFilter, conditions
from dlq.redaction import Redactor
from dlq.redaction.unmasking import unmasked
from dlq.restriction import visible
from dlq.sealing import Sealed, Sealer
from dlq.store import envelope_of, letter_row, transaction
from dlq.tables import dead_letter, dead_letter_version
from dlq.times import Clock, from_ms, to_ms, utc_now

#: Versions that a letter may have, the original aside.
MAX_VERSIONS = 100

_v = dead_letter_version.c


@dataclass(frozen=True, slots=True)
class LetterVersion:
    """Arguments that a retry can send, without secrets."""

    version: int  #: 0 is the original
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    problem: str  #: why there are no arguments to show; "" when there are
    actor: str  #: who edited; "" for the original
    at: datetime
    reason: str

    @property
    def arguments(self) -> dict[str, Any]:
        return {"args": self.args, "kwargs": self.kwargs}


def edit(
    engine: Engine,
    by: Actor,
    letter_id: int,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    reason: str,
    *,
    redactor: Redactor,
    sealer: Sealer,
    audit: Audit,
    clock: Clock = utc_now,
    over: int | None = None,
) -> int:
    """Keep other arguments beside those of the letter and return their version; nothing is sent.

    `args` and `kwargs` are those of version `over` (None: the newest) as `versions` shows them, changed.
    Raises NotEditable, StillMasked, NotAllowedNow, UnknownLetter, UnknownVersion or CannotOpen.
    """
    by.require(RETRY)
    with transaction(engine) as connection:
        row = _editable(connection, by, letter_id)
        newest = _newest(connection, letter_id)
        if newest >= MAX_VERSIONS:
            raise NotEditable(f"the letter has been edited {MAX_VERSIONS} times")
        over = newest if over is None else over
        before = version_of(connection, row, over, sealer)
        after = _edited(before, args, kwargs, redactor)
        changed = _changed(readable_body(before), readable_body(after), redactor)
        if not changed:
            raise NotEditable("nothing in them was changed")
        stamp = {"actor": by.login, "at_ms": to_ms(clock()), "reason": reason}
        _add(connection, letter_id, newest + 1, sealer.seal(after.body), stamp)
        audit(
            connection,
            actor=by.login,
            action="letter.edit",
            subject=f"letter:{letter_id}",
            before={"version": over},
            after={"version": newest + 1, "changed": changed, "reason": reason},
        )
    return newest + 1


def versions(
    engine: Engine, by: Actor, letter_id: int, *, sealer: Sealer, redactor: Redactor
) -> tuple[LetterVersion, ...]:
    """The original and its edits, oldest first. Raises UnknownLetter."""
    by.require(READ)
    with transaction(engine) as connection:
        row = letter_row(connection, letter_id, by.clients)
        if row is None:
            raise UnknownLetter(letter_id)
        edits = connection.execute(
            select(dead_letter_version)
            .where(_v.letter_id == letter_id)
            .order_by(_v.version)
            .limit(MAX_VERSIONS)
        )
        rows = edits.mappings().all()
    return tuple(_shown(row, edit, sealer, redactor) for edit in (None, *rows))


def version_of(connection: Connection, row: RowMapping, version: int | None, sealer: Sealer) -> Envelope:
    """The message of a letter's row with the arguments of `version`; None and 0 are the original.

    Raises UnknownVersion or CannotOpen.
    """
    if not version:
        return envelope_of(row, sealer)
    this = (_v.letter_id == row["id"]) & (_v.version == version)
    edit = connection.execute(select(dead_letter_version).where(this)).mappings().one_or_none()
    if edit is None:
        raise UnknownVersion(row["id"], version)
    return _with_edit(row, edit, sealer)


def difference(old: Mapping[str, Any], new: Mapping[str, Any], redactor: Redactor) -> tuple[str, ...]:
    """What differs between two `arguments`, secrets masked: lines that begin with -, + or a space, and an
    ellipsis for equal ones left out. None when they look the same.
    """
    before, after = (
        json.dumps(redactor.value(each), indent=2, ensure_ascii=False).splitlines() for each in (old, new)
    )
    hunks = list(unified_diff(before, after, lineterm=""))[2:]
    return tuple("…" if line.startswith("@@") else line for line in hunks)[1:]


def _editable(connection: Connection, by: Actor, letter_id: int) -> RowMapping:
    theirs = conditions(visible(by, LetterFilter()))
    statement = select(dead_letter).where(dead_letter.c.id == letter_id, *theirs).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise UnknownLetter(letter_id)
    if row["status"] not in {Status.DEAD, Status.POISONED}:
        raise NotAllowedNow(letter_id, row["status"], "edited")
    return row


def _newest(connection: Connection, letter_id: int) -> int:
    newest = select(func.coalesce(func.max(_v.version), 0)).where(_v.letter_id == letter_id)
    return int(connection.execute(newest).scalar_one())


def _add(
    connection: Connection, letter_id: int, version: int, body: Sealed, stamp: Mapping[str, Any]
) -> None:
    kept: dict[str, Any] = {
        "letter_id": letter_id,
        "version": version,
        "body": body.content,
        "key_id": body.key_id,
    }
    connection.execute(insert(dead_letter_version).values(kept | dict(stamp)))


def _edited(before: Envelope, args: Any, kwargs: Any, redactor: Redactor) -> Envelope:
    body = readable_body(before)
    if body.problem:
        raise NotEditable(body.problem.rstrip("."))
    if not isinstance(args, list | tuple) or not isinstance(kwargs, Mapping):
        raise NotEditable("args must be a list and kwargs a mapping")
    try:
        return with_arguments(
            before,
            unmasked(args, body.args, redactor, "args"),
            unmasked(kwargs, body.kwargs, redactor, "kwargs"),
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise NotEditable(redactor.text(str(error))) from error


def _changed(before: Body, after: Body, redactor: Redactor) -> list[str]:
    """Which arguments differ, by position and name: nothing of what they hold."""
    old, new = (_by_path(body, redactor) for body in (before, after))
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def _by_path(body: Body, redactor: Redactor) -> dict[str, str]:
    """Each argument as JSON, which tells 1 from true."""
    found = {f"args[{nth}]": value for nth, value in enumerate(body.args)}
    found |= {f"kwargs.{redactor.text(name)}": value for name, value in (body.kwargs or {}).items()}
    return {path: json.dumps(value, sort_keys=True) for path, value in found.items()}


def _with_edit(row: RowMapping, edit: RowMapping, sealer: Sealer) -> Envelope:
    original = envelope_of(row, sealer)
    headers = {name: value for name, value in original.headers.items() if name not in REPEATS_ARGUMENTS}
    return replace(original, headers=headers, body=sealer.opened(edit["body"], edit["key_id"]))


def _shown(row: RowMapping, edit: RowMapping | None, sealer: Sealer, redactor: Redactor) -> LetterVersion:
    try:
        body = readable_body(envelope_of(row, sealer) if edit is None else _with_edit(row, edit, sealer))
    except CannotOpen as error:
        body = Body(problem=str(error))
    return LetterVersion(
        version=edit["version"] if edit else 0,
        args=redactor.value(body.args),
        kwargs=redactor.value(body.kwargs or {}),
        problem=body.problem,
        actor=edit["actor"] if edit else "",
        at=from_ms(edit["at_ms"] if edit else row["first_failed_at_ms"]),
        reason=redactor.text(edit["reason"]) if edit else "",
    )
