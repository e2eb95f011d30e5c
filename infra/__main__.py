"""`python -m infra`: run everything, bring the schema up to date, and look after people and their links.

It wires the parts together, so it may import any of them.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy import Engine

from analytics import definition_json, definitions
from infra.access.guard import SIGN_IN_PATH
from infra.access.roles import Person, Role
from infra.access.sessions import create_link
from infra.commands import audit, doctor, links, people, tokens, wiring
from infra.errors import InfraError, SignInRefused
from infra.settings import CHECKOUT, Settings
from infra.supervisor import programs
from infra.supervisor.parent import Parent
from infra.supervisor.run import Wiring, run
from onboarding.flow import FUNNEL
from recovery.doctor import event_files, settings_and_folders, workers_and_queues

#: Named where no person did it.
_OURSELVES = "onward"
_STARTED = time.monotonic()


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.command(options, Settings.from_env())
    except InfraError as error:
        print(f"onward: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run_parser = commands.add_parser("run", help="start everything, until Ctrl-C")
    run_parser.add_argument("--demo", action="store_true", help="with the sample and live traffic")
    run_parser.add_argument(
        "--with-parent", action="store_true", help="also stop when the calling process ends (Linux)"
    )
    run_parser.set_defaults(command=_run)
    migrate_parser = commands.add_parser("migrate", help="bring the schema to its newest version")
    migrate_parser.set_defaults(command=_migrate)
    for kind in (links, people, tokens, audit):
        kind.add(commands)
    doctor.add(commands, (settings_and_folders, event_files, workers_and_queues))
    return parser


def _run(options: argparse.Namespace, settings: Settings) -> None:
    wiring = Wiring(
        dashboard=programs.dashboard,
        background=(programs.worker(settings), programs.beat(settings)),
        last=(programs.demo(),) if options.demo else (),
        prepare=_prepare_demo if options.demo else _prepare,
        sign_in_url=_sign_in_url,
    )
    is_over = Parent().is_ending if options.with_parent else lambda: False
    run(settings, wiring, os.environ, _say, is_over)


def _migrate(_options: argparse.Namespace, settings: Settings) -> None:
    with wiring.database(settings) as engine:
        _prepare(engine)
        _say("Schema is up to date")


def _prepare(engine: Engine) -> None:
    """What must be in the database before the first task runs."""
    definitions.ensure(engine, FUNNEL, by=_OURSELVES)


def _prepare_demo(engine: Engine) -> None:
    _prepare(engine)
    body = (CHECKOUT / "sample" / "loan-application.json").read_text(encoding="utf-8")
    definitions.ensure(engine, definition_json.from_json(json.loads(body)), by=_OURSELVES)


def _sign_in_url(engine: Engine, page_url: str) -> str:
    """A link for `admin`; where an account of that name is switched off, the page that asks for passwords."""
    try:
        token = create_link(engine, Person("admin", Role.ADMIN), by=_OURSELVES, now=datetime.now(UTC))
    except SignInRefused:
        return f"{page_url}{SIGN_IN_PATH}"
    return f"{page_url}{SIGN_IN_PATH}?token={token}"


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may have gone
        print(f"[{time.monotonic() - _STARTED:5.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
