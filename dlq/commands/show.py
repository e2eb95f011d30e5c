"""`show`: everything about one letter."""

import argparse

from dlq import console
from dlq.commands import Opener, choosing
from dlq.commands.printing import flat, say_json, say_pairs


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("letter", help="number of the letter, or a task id")


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as desk:
        wanted = choosing.letter_id(options.letter, desk)
        detail = flat(
            console.letter(desk.engine, desk.by, wanted, redactor=desk.redactor, sealer=desk.sealer)
        )
    shown = detail.pop("letter") | detail
    if options.json:
        say_json(shown)
    else:
        say_pairs(shown)
    return 0
