"""`erase`: remove a person's events from table, files and cache."""

import argparse
import json
from dataclasses import asdict

import redis

from analytics.cache import forget
from analytics.commands import Opener, say
from analytics.erasure import Erased, Whose, erasable, erase

NOT_TOUCHED = (
    "Not touched: dead letters and what other parts keep of the person, imported files and their rejects, "
    "backups. PostgreSQL overwrites deleted rows at its next vacuum."
)


def configure(parser: argparse.ArgumentParser) -> None:
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--session", metavar="ID", help="the session with this id")
    whose.add_argument(
        "--user",
        metavar="ID",
        help="every session with an event of this user, with all of its events",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace, opened: Opener) -> int:
    whose = Whose("user", options.user) if options.session is None else Whose("session", options.session)
    with opened() as onward:

        def forget_cached() -> int | None:
            try:
                return forget(onward.redis)
            except redis.RedisError:
                return None

        if options.dry_run:
            erased = Erased(erasable(onward.engine, whose), None)
        else:
            erased = erase(
                onward.engine,
                onward.store,
                whose,
                by=onward.person,
                audit=onward.audit,
                forget_cached=forget_cached,
            )
    if options.json:
        counts = asdict(erased.removed) | {"cached": erased.cached, "dry_run": options.dry_run}
        say(json.dumps(counts | {"not_touched": NOT_TOUCHED}))
    else:
        say(_told(erased, dry_run=options.dry_run))
    return 0


def _told(erased: Erased, *, dry_run: bool) -> str:
    gone = erased.removed
    verb = "Would remove" if dry_run else "Removed"
    events, sessions = _count(gone.events, "event"), _count(gone.sessions, "session")
    lines = [
        f"{verb} {events} of {sessions}, {gone.waiting:,} from the future",
        f"{_count(gone.files, 'day file')} {'would be ' if dry_run else ''}written anew or deleted",
    ]
    if erased.cached is not None:
        lines.append(f"{_count(erased.cached, 'cached view')} forgotten")
    elif not dry_run:
        lines.append(
            "Redis did not answer: cached views are not shown any more, and go when their time to live ends"
        )
    return "\n".join([*lines, NOT_TOUCHED])


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"
