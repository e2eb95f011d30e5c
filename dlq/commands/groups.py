"""`groups`: which failures are the same failure, those with most sessions behind them first."""

import argparse

from dlq.commands import Opener, choosing
from dlq.commands.printing import flat, say, say_json, say_table
from dlq.groups import console
from dlq.times import utc_now

_COLUMNS = (
    "fingerprint",
    "sessions_blocked",
    "waiting",
    "exception_type",
    "task_name",
    "last_seen_at",
    "note",
)


def configure(parser: argparse.ArgumentParser) -> None:
    choosing.configure(parser)
    parser.add_argument("--state", choices=["open", "muted", "fixed", "all"], default="open")
    parser.add_argument("--order", choices=["blocked", "newest", "letters"], default="blocked")
    parser.add_argument("--limit", type=int, default=25)
    parser.add_argument("--after", help="position printed at the end of the page before")


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as desk:
        page = console.groups(
            desk.engine,
            desk.by,
            choosing.narrowed(options),
            options.order,
            options.state,
            options.after,
            options.limit,
            redactor=desk.redactor,
            now=utc_now(),
        )
    found = [flat(group) for group in page.groups]
    if options.json:
        say_json({"groups": found, "next": page.next})
        return 0
    say_table(_COLUMNS, found)
    if page.next:
        say(f"more: --after {page.next}")
    return 0
