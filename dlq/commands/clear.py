"""`clear`: discard every letter that waits, of one task or older than some hours if told so."""

import argparse

from dlq.commands import Opener, changing
from dlq.commands.printing import say_json
from dlq.operations.clearing import Clearing, clear, would_clear


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--filter-task-name", default="", metavar="TASK", help="only of this task")
    parser.add_argument(
        "--older-than-hours", type=float, metavar="HOURS", help="only what failed longer ago than this"
    )
    parser.add_argument("--dry-run", action="store_true", help="say how many, and change nothing")
    parser.add_argument(
        "--expected", type=int, metavar="N", help="how many the dry run said; nothing is changed if it moved"
    )
    parser.add_argument("--reason", default="", help="kept in each letter's history and the audit")


def run(options: argparse.Namespace, opened: Opener) -> int:
    what = Clearing(options.filter_task_name, options.older_than_hours)
    with opened() as desk:
        seen = would_clear(desk.engine, desk.by, what, redactor=desk.redactor)
        if options.dry_run:
            changing.say_preview(seen, as_json=options.json)
            return 0
        if options.expected is None:
            changing.ask(seen, f"--expected {seen.count}")
        started = clear(
            desk.engine,
            desk.by,
            what,
            expected=seen.count if options.expected is None else options.expected,
            reason=options.reason,
            redactor=desk.redactor,
            audit=desk.audit,
        )
        ended = changing.run(started, desk, quiet=options.json)
    if options.json:
        say_json(ended)
    return 0
