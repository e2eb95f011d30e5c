"""`python -m dlq`: list, show, retry, discard and restore dead letters, and count them.

Acts as the operating-system user, who may do everything that the database allows. A letter is named by its
number or by a task id.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from dlq import console
from dlq.errors import DlqError
from dlq.letters import Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.views import LetterSummary
from infra.audit import record
from infra.celery_app import create_celery
from infra.database import open_engine
from infra.errors import InfraError
from infra.servers import connected
from infra.settings import Settings as InfraSettings

_LIST_COLUMNS = ("id", "status", "kind", "task_name", "exception_type", "attempts", "failed_at", "message")
_CELL_CHARACTERS = 48


@dataclass(frozen=True, slots=True)
class SystemUser:
    login: str

    def require(self, permission: str) -> None:
        """Whoever can open the database may do everything with it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What every command works with."""

    engine: Engine
    broker_url: str
    settings: Settings
    by: SystemUser
    as_json: bool

    @property
    def redactor(self) -> Redactor:
        return Redactor(email=self.settings.redact_email)

    @property
    def sealer(self) -> Sealer:
        return Sealer.of(self.settings)


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_env()
        with connected(InfraSettings.from_env()) as servers:
            engine = open_engine(servers.database_url)
            try:
                by = SystemUser(getpass.getuser())
                options.command(options, Desk(engine, servers.redis_url, settings, by, options.json))
            finally:
                engine.dispose()
    except (DlqError, InfraError) as error:
        print(f"dlq: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dlq", description="Look after dead letters.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = _command(commands, "list", "letters, newest failure first", _list)
    listing.add_argument("--status", type=Status, choices=list(Status), action="append", default=[])
    for name in ("task-name", "exception-type", "queue", "fingerprint", "session-id", "text"):
        listing.add_argument(f"--{name}", default="")
    listing.add_argument("--limit", type=int, default=50)
    listing.add_argument("--after", help="position printed at the end of the page before")
    _command(commands, "stats", "how many letters of which kind", _stats)
    for name, what, command in (
        ("show", "everything about one letter", _show),
        ("retry", "send a letter's task again", _retry),
        ("discard", "give a letter up", _discard),
        ("restore", "take a discarded letter back", _restore),
    ):
        one = _command(commands, name, what, command)
        one.add_argument("letter", help="number of the letter, or a task id")
        if name != "show":
            one.add_argument("--reason", default="", help="kept in the letter's history and the audit")
        if name == "retry":
            one.add_argument("--even-poisoned", action="store_true", help="also one that failed too often")
    return parser


def _command(commands: Any, name: str, what: str, command: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)
    return parser


def _list(options: argparse.Namespace, desk: Desk) -> None:
    narrowed = LetterFilter(
        status=tuple(options.status),
        task_name=options.task_name,
        exception_type=options.exception_type,
        queue=options.queue,
        fingerprint=options.fingerprint,
        session_id=options.session_id,
        text=options.text,
    )
    page = console.letters(
        desk.engine, desk.by, narrowed, options.after, options.limit, redactor=desk.redactor
    )
    found = [asdict(letter) for letter in page.letters]
    if desk.as_json:
        _print_json({"letters": found, "next": page.next})
        return
    _print_table(found)
    if page.next:
        print(f"more: --after {page.next}")


def _show(options: argparse.Namespace, desk: Desk) -> None:
    letter_id = _letter_id(options, desk)
    found = console.letter(desk.engine, desk.by, letter_id, redactor=desk.redactor, sealer=desk.sealer)
    detail = asdict(found)
    shown = detail.pop("letter") | detail
    if desk.as_json:
        _print_json(shown)
    else:
        _print_pairs(shown)


def _stats(_options: argparse.Namespace, desk: Desk) -> None:
    counted = asdict(console.stats(desk.engine, desk.by))
    if desk.as_json:
        _print_json(counted)
    else:
        _print_pairs(counted)


def _retry(options: argparse.Namespace, desk: Desk) -> None:
    with create_celery(desk.broker_url) as app:
        client = RetryClient(desk.engine, app, record, sealer=desk.sealer)
        receipt = client.retry(
            _letter_id(options, desk), desk.by, options.reason, even_poisoned=options.even_poisoned
        )
    if desk.as_json:
        _print_json(asdict(receipt))
    elif receipt.published:
        print(f"Letter {receipt.letter_id} is being retried as task {receipt.task_id}.")
    else:
        print(f"Letter {receipt.letter_id} is claimed; its task is sent once the broker is back.")


def _discard(options: argparse.Namespace, desk: Desk) -> None:
    moved = console.discard(
        desk.engine,
        desk.by,
        _letter_id(options, desk),
        options.reason,
        redactor=desk.redactor,
        audit=record,
    )
    _print_moved(desk, moved)


def _restore(options: argparse.Namespace, desk: Desk) -> None:
    moved = console.restore(
        desk.engine,
        desk.by,
        _letter_id(options, desk),
        options.reason,
        redactor=desk.redactor,
        audit=record,
        settings=desk.settings,
    )
    _print_moved(desk, moved)


def _letter_id(options: argparse.Namespace, desk: Desk) -> int:
    named: str = options.letter
    if named.isascii() and named.isdigit() and len(named) < 19:
        return int(named)
    return console.letter_of_task(desk.engine, desk.by, named)


def _print_moved(desk: Desk, letter: LetterSummary) -> None:
    if desk.as_json:
        _print_json(asdict(letter))
    else:
        print(f"Letter {letter.id} is {letter.status}.")


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=_plain, ensure_ascii=False))


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    cells = [_LIST_COLUMNS, *([_cell(row[name]) for name in _LIST_COLUMNS] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_LIST_COLUMNS))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_pairs(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value, default=_plain, ensure_ascii=False)
        print(f"{name}: {text}")


def _cell(value: Any) -> str:
    text = _plain(value) if isinstance(value, datetime) else str(value)
    return " ".join(text.split())[:_CELL_CHARACTERS]


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
