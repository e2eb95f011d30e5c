"""`sync`: take new events into the column files."""

import argparse
import json
from dataclasses import asdict

from analytics.commands import Opener, say
from analytics.sync import sync


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rebuild", action="store_true", help="write every file again")
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as onward:
        report = sync(onward.engine, onward.store, rebuild=options.rebuild)
    if options.json:
        say(json.dumps(asdict(report)))
    else:
        say(f"{report.events:,} events of {report.sessions:,} sessions in {report.files:,} files")
    return 0
