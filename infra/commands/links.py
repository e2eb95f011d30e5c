"""`python -m infra link`: a new link to sign in with."""

import argparse

from sqlalchemy import Engine

from infra.access.guard import SIGN_IN_PATH
from infra.access.roles import ROLES, Person, Role, new_person
from infra.access.sessions import create_link
from infra.commands import wiring
from infra.commands.wiring import Commands
from infra.home import DataFolder
from infra.settings import Settings


def add(commands: Commands) -> None:
    parser = commands.add_parser("link", help="print a new link to sign in with; it works once")
    parser.add_argument("--login", help="who signs in with it (default: the name of the role)")
    parser.add_argument("--role", choices=ROLES, default=Role.ADMIN.value)
    parser.add_argument("--client", action="append", help="sees only what belongs to this client; repeatable")
    parser.set_defaults(command=_link)


def _link(options: argparse.Namespace, settings: Settings) -> None:
    person = new_person(options.login or options.role, options.role, options.client)
    with wiring.database(settings) as engine:
        link = link_for(engine, person, settings)
    print(link)


def link_for(engine: Engine, person: Person, settings: Settings) -> str:
    """A link that signs `person` in once, at the dashboard that runs on this data folder or would."""
    running = DataFolder(settings.home).running()
    page_url = running.url if running and running.url else f"http://{settings.host}:{settings.port}"
    token = create_link(engine, person, by=wiring.typist().login, now=wiring.now())
    return f"{page_url}{SIGN_IN_PATH}?token={token}"
