"""Commands that stand in for ours, so that a test of the supervisor starts in a second.

`onward [PROGRAM [LAST...]]` is the supervisor with a page and PROGRAM, a worker if not told otherwise, and
then those that it can do without. `hold` is a command that needs servers while its standard input stays open.
"""

import json
import os
import sys

from infra.errors import InfraError
from infra.servers import connected
from infra.settings import Settings
from infra.supervisor.page import is_healthy
from infra.supervisor.programs import Program
from infra.supervisor.run import Wiring, run

HERE = "tests.infra.stand_in"
PROGRAMS = "tests.infra.stand_in_programs"
LINK = "/sign-in?token=once"


def onward(name: str = "worker", *last: str) -> None:
    program = Program(
        name.title(), (PROGRAMS, name), is_up=lambda child: child.has_said("ready."), grace_seconds=0.5
    )
    wiring = Wiring(
        dashboard=_page,
        background=(program,),
        last=tuple(
            Program(name.title(), (PROGRAMS, name), is_up=lambda _: False, needed=False) for name in last
        ),
        prepare=lambda _: None,
        sign_in_url=lambda _, url: url + LINK,
    )
    run(Settings.from_env(), wiring, os.environ, _say)


def hold() -> None:
    with connected(Settings.from_env()) as servers:
        _say(json.dumps([servers.database_url, servers.owner_url, servers.redis_url]))
        sys.stdin.read()


def _page(settings: Settings, port: int) -> Program:
    return Program("Dashboard", (PROGRAMS, "page", str(port)), is_up=lambda _: is_healthy(settings, port))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except InfraError as error:
        _say(f"onward: {error}")
        sys.exit(error.exit_code)
