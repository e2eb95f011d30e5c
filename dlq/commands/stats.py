"""`stats`: how many letters of which kind."""

import argparse

from dlq import console
from dlq.commands import Opener
from dlq.commands.printing import flat, say_json, say_pairs


def configure(_parser: argparse.ArgumentParser) -> None:
    """Nothing but --json."""


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as desk:
        counted = console.stats(desk.engine, desk.by)
    if options.json:
        say_json(counted)
    else:
        say_pairs(flat(counted))
    return 0
