"""`warm`: compile the kernel ahead of its first use. Needs no servers."""

import argparse

from analytics.commands import Opener, say
from analytics.warm import warm


def configure(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace, opened: Opener) -> int:
    del options, opened
    say(f"kernel ready after {warm():.1f} s")
    return 0
