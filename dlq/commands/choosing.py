"""The options that say which letters: `list`, `retry`, `discard` and `restore` share them."""

import argparse
from datetime import UTC, datetime

from dlq import console
from dlq.commands import Opened
from dlq.errors import NoLetterNamed
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter

_TEXTS = (
    ("task-name", "of this task"),
    ("exception-type", "with this exception"),
    ("queue", "of this queue"),
    ("category", "of this category of errors"),
    ("fingerprint", "of this group"),
    ("session-id", "of this session"),
    ("client-id", "of this client"),
    ("text", "that hold these words"),
)

_DIGITS = 9


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", choices=[status.value for status in Status], action="append", default=[])
    parser.add_argument("--kind", choices=[kind.value for kind in Kind], action="append", default=[])
    for name, meaning in _TEXTS:
        parser.add_argument(f"--{name}", default="", help=meaning)
    parser.add_argument("--priority", type=number, help="whose message had this priority")
    for name, meaning in (("from", "failed at or after"), ("to", "failed before")):
        parser.add_argument(
            f"--{name}", dest=f"failed_{name}", type=moment, help=f"{meaning} this time, as 2026-01-31T12:00"
        )


def narrowed(options: argparse.Namespace) -> LetterFilter:
    return LetterFilter(
        status=tuple(Status(status) for status in options.status),
        kind=tuple(Kind(kind) for kind in options.kind),
        failed_from=options.failed_from,
        failed_to=options.failed_to,
        priority=options.priority,
        **{field: getattr(options, field) for name, _ in _TEXTS if (field := name.replace("-", "_"))},
    )


def letter_id(named: str, desk: Opened) -> int:
    """The letter of that number, or the newest one of a task with that id. Raises UnknownLetter."""
    if named.isascii() and named.isdigit() and len(named) < 19:
        return int(named)
    if not named:
        raise NoLetterNamed
    return console.letter_of_task(desk.engine, desk.by, named)


def number(text: str) -> int:
    """A whole number that a column can hold."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 0 to {10**_DIGITS - 1:,}")
    return int(text)


def moment(text: str) -> datetime:
    """A time as people type it; without a zone it is UTC."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as 2026-01-31T12:00") from None
    return typed if typed.tzinfo else typed.replace(tzinfo=UTC)
