"""`list`: letters, newest failure first, page by page."""

import argparse

from dlq import console
from dlq.commands import Opener, choosing
from dlq.commands.printing import flat, say, say_json, say_table

_COLUMNS = ("id", "status", "kind", "task_name", "exception_type", "attempts", "failed_at", "message")


def configure(parser: argparse.ArgumentParser) -> None:
    choosing.configure(parser)
    parser.add_argument("--limit", type=int, default=50, help=f"at most {console.MAX_PAGE}")
    parser.add_argument("--after", help="position printed at the end of the page before")


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as desk:
        page = console.letters(
            desk.engine,
            desk.by,
            choosing.narrowed(options),
            options.after,
            options.limit,
            redactor=desk.redactor,
        )
    found = [flat(letter) for letter in page.letters]
    if options.json:
        say_json({"letters": found, "next": page.next})
        return 0
    say_table(_COLUMNS, found)
    if page.next:
        say(f"more: --after {page.next}")
    return 0
