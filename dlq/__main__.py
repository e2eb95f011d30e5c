"""`python -m dlq list|show|retry|discard|restore|clear|stats|groups|operations|rotate-key`.

Acts as the operating-system user, who may do everything that the database allows. Exit codes: 0 done, 2 not
done (stderr says why, in one sentence), 130 after Ctrl-C.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from dlq.commands import Opened
from dlq.errors import DlqError
from dlq.settings import Settings
from infra import audit
from infra.celery_app import create_celery
from infra.database import open_engine
from infra.errors import InfraError
from infra.servers import connected
from infra.settings import Settings as InfraSettings

COMMANDS = {
    "list": ("listing", "letters, newest failure first"),
    "show": ("show", "everything about one letter"),
    "retry": ("retry", "send the task of one letter, or of many, again"),
    "discard": ("discard", "give letters up; they can be restored"),
    "restore": ("restore", "bring discarded letters back"),
    "clear": ("clear", "discard all that wait, of one task or older than some hours"),
    "stats": ("stats", "how many letters of which kind"),
    "groups": ("groups", "failures that are the same failure, most sessions blocked first"),
    "operations": ("operations", "changes to many letters: progress, pause, resume, cancel"),
    "rotate-key": ("rotate_key", "seal stored arguments under the first encryption key"),
}


@dataclass(frozen=True, slots=True)
class SystemUser:
    login: str
    clients: None = None

    def require(self, permission: str) -> None:
        """Whoever can open the database may do everything with it."""


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options, opened))
    except (DlqError, InfraError) as error:
        print(f"dlq: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def opened() -> Iterator[Opened]:
    settings, ours = Settings.from_env(), InfraSettings.from_env()
    with connected(ours) as servers, create_celery(servers.redis_url, prefix=ours.broker_prefix) as app:
        engine = open_engine(servers.database_url)
        try:
            yield Opened(engine, app, settings, SystemUser(getpass.getuser()), audit.record)
        finally:
            engine.dispose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dlq", description="Look after dead letters.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, help_text) in COMMANDS.items():
        command = import_module(f"dlq.commands.{module}")
        one = commands.add_parser(name, help=help_text, description=help_text)
        one.add_argument("--json", action="store_true", help="print JSON")
        command.configure(one)
        one.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
