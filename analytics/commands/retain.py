"""`retain`: remove sessions whose last event is older than ANALYTICS_RETENTION_DAYS."""

import argparse
import json
from dataclasses import asdict

from analytics.commands import Opener, say
from analytics.retention import retain


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace, opened: Opener) -> int:
    with opened() as onward:
        days = onward.retention_days
        removed = retain(onward.engine, onward.store, days=days)
    if options.json:
        say(json.dumps(asdict(removed) | {"days": days}))
    elif not days:
        say("Nothing removed: ANALYTICS_RETENTION_DAYS is 0, which keeps all events")
    else:
        say(
            f"Removed {removed.events:,} events of {removed.sessions:,} sessions that ended more than "
            f"{days} days ago; {removed.files:,} day files written anew or deleted"
        )
    return 0
