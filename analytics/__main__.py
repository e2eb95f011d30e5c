"""`python -m analytics import|funnel|view|sync|define|erase|retain|warm`: events in, funnels out.

Exit codes: 0 done, 1 done but some rows were refused, 2 not done (stderr says why, in one sentence),
130 after Ctrl-C.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from analytics.commands import Opened
from analytics.errors import AnalyticsError
from analytics.settings import Settings
from analytics.store import EventStore
from infra import audit
from infra.access.roles import Person, Role
from infra.database import open_engine
from infra.errors import InfraError
from infra.redis_client import open_redis
from infra.servers import connected
from infra.settings import Settings as InfraSettings

if TYPE_CHECKING:
    from analytics.funnels import FunnelDefinition
    from analytics.queries import Asked
    from analytics.question import Question

#: Only the module of the command that runs is loaded: an import needs no kernel.
COMMANDS = {
    "import": ("import_events", "store the events of a file or a table"),
    "funnel": ("funnel", "count a funnel"),
    "view": ("view", "any view of a funnel: heatmap, cohorts, comparison, recommendations, ..."),
    "sync": ("sync", "take new events into the column files"),
    "define": ("define", "save a funnel definition"),
    "erase": ("erase", "remove a person from table, files and cache"),
    "retain": ("retain", "remove sessions older than the setting allows"),
    "warm": ("warm", "compile the kernel ahead of its first use"),
}


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        return _usage(asked=bool(arguments) and arguments[0] in {"-h", "--help"})
    name, help_text = COMMANDS[arguments[0]]
    command = import_module(f"analytics.commands.{name}")
    parser = argparse.ArgumentParser(prog=f"python -m analytics {arguments[0]}", description=help_text)
    command.configure(parser)
    options = parser.parse_args(arguments[1:])
    try:
        return int(command.run(options, opened))
    except (AnalyticsError, InfraError) as error:
        print(error, file=sys.stderr)
        return 2
    except (OperationalError, psycopg.OperationalError) as error:
        print(f"PostgreSQL stopped answering: {_first_line(error)}; run the command again", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def opened() -> Iterator[Opened]:
    settings, ours = InfraSettings.from_env(), Settings.from_env()
    store = EventStore.open(ours, settings.home / "events")
    with connected(settings) as servers:
        engine = open_engine(servers.database_url)
        try:
            yield Opened(
                engine=engine,
                store=store,
                asked=partial(_asked, engine),
                memory_bytes=ours.memory_bytes,
                retention_days=ours.retention_days,
                redis=open_redis(servers.redis_url),
                person=getpass.getuser(),
                audit=partial(audit.record, source="command line"),
            )
        finally:
            engine.dispose()


def _asked(engine: Engine, definition: "FunnelDefinition", question: "Question") -> "Asked":
    from recovery.funnels import asked  # noqa: PLC0415 - an import of events needs no kernel

    return asked(engine, Person(getpass.getuser(), Role.ADMIN), definition, question, now=datetime.now(UTC))


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")


def _usage(*, asked: bool) -> int:
    lines = [f"  {name:8} {help_text}" for name, (_, help_text) in COMMANDS.items()]
    text = "\n".join(["usage: python -m analytics COMMAND ...", "", *lines, "", "COMMAND --help says more."])
    print(text, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
