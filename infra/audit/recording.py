"""Writing an entry, and where the change that it records was asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, insert

from infra.audit.tables import audit_entry

_asked_from: ContextVar[str | None] = ContextVar("asked_from", default=None)


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    source: str | None = None,
) -> None:
    """Write one entry in the caller's transaction, so that change and record stand or fall together.

    `action` is `<noun>.<verb>` ("letter.retry"), `subject` what it was done to ("letter:17"). `before` and
    `after` must already be redacted. Without a `source`, that of `asked_from` is taken. Entries are put in
    line when their transactions end, one at a time: a caller does nothing slow between this and the commit.
    """
    connection.execute(
        insert(audit_entry).values(
            actor=actor,
            action=action,
            subject=subject,
            before=before,
            after=after,
            source=source or _asked_from.get(),
        )
    )


@contextmanager
def asked_from(source: str | None) -> Iterator[None]:
    """What is recorded inside the block was asked for from this address."""
    token = _asked_from.set(source)
    try:
        yield
    finally:
        _asked_from.reset(token)


def note_source(source: str | None) -> None:
    """Like `asked_from`, to the end of the run; for a page script, which has a context of its own."""
    _asked_from.set(source)
