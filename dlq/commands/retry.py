"""`retry`: send the task of one letter, or of many, again."""

import argparse

from dlq.commands import Opened, Opener, changing, choosing
from dlq.commands.printing import say, say_json, warn
from dlq.errors import BadOption
from dlq.operations.records import Action
from dlq.retries.retry import RetryClient


def configure(parser: argparse.ArgumentParser) -> None:
    changing.configure(parser)
    parser.add_argument("--to-queue", default="", metavar="QUEUE", help="another queue than the letter's own")
    parser.add_argument(
        "--version", type=choosing.number, help="edited arguments instead of the original; one letter"
    )
    parser.add_argument("--even-poisoned", action="store_true", help="also those that failed too often")


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as desk:
        if not changing.names_one(options):
            if options.version is not None:
                raise BadOption("--version is for one letter at once: name it alone, without --rate")
            return changing.change_many(
                options, desk, Action.RETRY, queue=options.to_queue, even_poisoned=options.even_poisoned
            )
        return _one(options, desk)


def _one(options: argparse.Namespace, desk: Opened) -> int:
    client = RetryClient(desk.engine, desk.app, desk.audit, sealer=desk.sealer)
    letter_id = choosing.letter_id(options.letters[0], desk)
    seen = client.preview(letter_id, desk.by, queue=options.to_queue, version=options.version)
    warn(seen.warnings)
    if options.dry_run:
        if options.json:
            say_json(seen)
        else:
            say(seen.sends)
        return 0
    receipt = client.retry(
        letter_id,
        desk.by,
        options.reason,
        even_poisoned=options.even_poisoned,
        queue=options.to_queue,
        version=options.version,
    )
    if options.json:
        say_json(receipt)
    elif receipt.published:
        say(f"Letter {receipt.letter_id} is being retried as task {receipt.task_id}.")
    else:
        say(f"Letter {receipt.letter_id} is claimed; its task is sent once the broker is back.")
    return 0
