"""`rotate-key`: seal everything stored again, under the first key of DLQ_ENCRYPTION_KEY.

Put the new key first and keep the old ones behind it until this has run; afterwards they can go.
"""

import argparse

from dlq.commands import Opener
from dlq.commands.printing import say, say_json
from dlq.rotation import rotate_keys


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, default=500, help="letters in one transaction")


def run(options: argparse.Namespace, opened: Opener) -> int:
    sealed = 0
    with opened() as desk:
        for batch in rotate_keys(desk.engine, desk.sealer, batch=options.batch):
            sealed += batch
            if not options.json:
                say(f"{sealed} sealed under the first key")
    if options.json:
        say_json({"sealed": sealed})
    elif not sealed:
        say("Everything is sealed under the first key already.")
    return 0
