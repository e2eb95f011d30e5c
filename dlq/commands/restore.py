"""`restore`: bring discarded letters back."""

import argparse

from dlq import console
from dlq.commands import Opener, changing
from dlq.operations.records import Action

configure = changing.configure


def run(options: argparse.Namespace, opened: Opener) -> int:
    return changing.move(options, opened, Action.RESTORE, console.restore)
