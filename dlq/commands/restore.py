"""`restore`: bring discarded letters back."""

import argparse

from dlq import console
from dlq.commands import Opener, changing, choosing
from dlq.commands.printing import say, say_json
from dlq.operations.records import Action

configure = changing.configure


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as desk:
        if options.dry_run or not changing.names_one(options):
            return changing.change_many(options, desk, Action.RESTORE)
        moved = console.restore(
            desk.engine,
            desk.by,
            choosing.letter_id(options.letters[0], desk),
            options.reason,
            redactor=desk.redactor,
            audit=desk.audit,
        )
    if options.json:
        say_json(moved)
    else:
        say(f"Letter {moved.id} is {moved.status}.")
    return 0
