"""`discard`: give letters up. They can be restored until the restore window ends."""

import argparse

from dlq import console
from dlq.commands import Opener, changing
from dlq.operations.records import Action

configure = changing.configure


def run(options: argparse.Namespace, opened: Opener) -> int:
    return changing.move(options, opened, Action.DISCARD, console.discard)
