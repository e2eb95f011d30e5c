"""`operations`: what was done to many letters at once, and how far it is; pause, resume, cancel."""

import argparse

from dlq.commands import Opened, Opener, choosing
from dlq.commands.printing import flat, say, say_json, say_pairs, say_table
from dlq.operations import console

_COLUMNS = ("id", "action", "status", "counted", "done", "skipped", "failed", "created_by", "created_at")
_CHANGES = {"pause": console.pause, "resume": console.resume, "cancel": console.cancel}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", type=choosing.number, nargs="?", help="its number; all of them without")
    parser.add_argument("change", nargs="?", choices=sorted(_CHANGES), help="what to do with it")
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument(
        "--after", type=choosing.number, help="position printed at the end of the page before"
    )


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as desk:
        if options.operation is None:
            _all(options, desk)
        else:
            _one(options, desk)
    return 0


def _one(options: argparse.Namespace, desk: Opened) -> None:
    if options.change:
        found = _CHANGES[options.change](desk.engine, desk.by, options.operation, audit=desk.audit)
    else:
        found = console.operation(desk.engine, desk.by, options.operation)
    if options.json:
        say_json(found)
    else:
        say_pairs(flat(found))


def _all(options: argparse.Namespace, desk: Opened) -> None:
    page = console.operations(desk.engine, desk.by, options.after, options.limit)
    found = [flat(operation) for operation in page.operations]
    if options.json:
        say_json({"operations": found, "next": page.next})
        return
    say_table(_COLUMNS, found)
    if page.next:
        say(f"more: --after {page.next}")
