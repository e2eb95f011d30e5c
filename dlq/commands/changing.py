"""What `retry`, `discard` and `restore` share: one letter at once; several as a stored operation, run here.

Before several letters are changed the preview is shown, and a person says yes. Interrupted, the operation
stays; the installation's worker goes on with it.
"""

import argparse
import sys
from collections.abc import Callable
from time import sleep

from dlq.commands import Opened, Opener, choosing
from dlq.commands.printing import say, say_json, warn
from dlq.errors import NoLetterNamed, YesNeeded
from dlq.operations import console
from dlq.operations.preview import BulkPreview, preview
from dlq.operations.records import Action, Operation, OperationStatus, Options, Selection
from dlq.operations.running import run_due
from dlq.queries import LetterFilter
from dlq.retries.publishing import Publisher
from dlq.times import utc_now
from dlq.views import LetterSummary

#: Until letters that were not due, or that the broker did not take, are tried again.
WAIT_SECONDS = 1.0

_ENDED = {OperationStatus.FINISHED, OperationStatus.CANCELLED, OperationStatus.PAUSED}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("letters", nargs="*", metavar="LETTER", help="number of a letter, or a task id")
    choosing.configure(parser)
    parser.add_argument("--all", action="store_true", help="every letter that can be changed so")
    parser.add_argument("--reason", default="", help="kept in the letter's history and the audit")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before changing several letters")
    parser.add_argument("--rate", type=float, metavar="N", help="at most so many letters a second")
    parser.add_argument("--start-at", type=choosing.moment, help="not before this time")


def names_one(options: argparse.Namespace) -> bool:
    """Whether one letter is meant, whatever it is, and at once: that needs no stored operation."""
    at_once = options.rate is None and options.start_at is None
    return len(options.letters) == 1 and at_once and choosing.narrowed(options) == LetterFilter()


def move(
    options: argparse.Namespace, opened: Opener, action: Action, move_one: Callable[..., LetterSummary]
) -> int:
    """Discard or restore what the options name; one letter alone by `move_one`."""
    with opened() as desk:
        if options.dry_run or not names_one(options):
            return change_many(options, desk, action)
        wanted = choosing.letter_id(options.letters[0], desk)
        moved = move_one(
            desk.engine, desk.by, wanted, options.reason, redactor=desk.redactor, audit=desk.audit
        )
    if options.json:
        say_json(moved)
    else:
        say(f"Letter {moved.id} is {moved.status}.")
    return 0


def change_many(
    options: argparse.Namespace, desk: Opened, action: Action, *, queue: str = "", even_poisoned: bool = False
) -> int:
    """Preview, ask, store the operation and run it. Raises NoLetterNamed, YesNeeded or CountMoved."""
    how = Options(
        queue=queue, rate_per_second=options.rate, start_at=options.start_at, even_poisoned=even_poisoned
    )
    seen = preview(desk.engine, desk.by, action, _selection(options, desk), how, redactor=desk.redactor)
    if options.dry_run:
        say_preview(seen, as_json=options.json)
        return 0
    if not options.yes:
        ask(seen, "--yes")
    started = console.start(desk.engine, desk.by, seen, options.reason, audit=desk.audit)
    ended = run(started, desk, quiet=options.json)
    if options.json:
        say_json(ended)
    return 0


def run(operation: Operation, desk: Opened, *, quiet: bool) -> Operation:
    """Work on stored operations until this one has ended; one that starts later is left to the worker."""
    publish, said = Publisher(desk.app), ""
    while operation.status not in _ENDED:
        if operation.start_at > utc_now():
            _say_unless(quiet, f"Operation {operation.id} starts at {operation.start_at:%Y-%m-%d %H:%M} UTC.")
            break
        changed = run_due(
            desk.engine, publish, sealer=desk.sealer, audit=desk.audit, clock=utc_now, for_seconds=2.0
        )
        operation = console.operation(desk.engine, desk.by, operation.id)
        if (progress := _progress(operation)) != said:
            _say_unless(quiet, progress)
            said = progress
        if not changed and operation.status not in _ENDED:
            sleep(WAIT_SECONDS)
    return operation


def _selection(options: argparse.Namespace, desk: Opened) -> Selection:
    narrowed = choosing.narrowed(options)
    if options.letters:
        return Selection(narrowed, tuple(choosing.letter_id(named, desk) for named in options.letters))
    if narrowed == LetterFilter() and not options.all:
        raise NoLetterNamed
    return Selection(narrowed)


def say_preview(seen: BulkPreview, *, as_json: bool) -> None:
    """What would happen, for people or as JSON."""
    if as_json:
        say_json(seen)
        return
    say(f"Letters: {seen.count:,}. Sessions that wait behind them: {seen.sessions:,}. {seen.sends}")
    for name, letters in seen.by_task.items():
        say(f"  {letters}  {name}")
    warn(seen.warnings)


def ask(seen: BulkPreview, option: str) -> None:
    """Show the preview and wait for a yes. Raises YesNeeded, naming the option that says it beforehand."""
    if not sys.stdin.isatty():
        raise YesNeeded(seen.count, option)
    say_preview(seen, as_json=False)
    if input("Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise YesNeeded(seen.count, option)


def _progress(operation: Operation) -> str:
    line = f"{operation.done} of {operation.counted} done"
    line += f", {operation.skipped} skipped" if operation.skipped else ""
    line += f", {operation.failed} could not be sent" if operation.failed else ""
    return f"{line}. {operation.problem}".rstrip()


def _say_unless(quiet: bool, line: str) -> None:
    if not quiet:
        say(line)
