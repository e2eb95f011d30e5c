"""`python -m infra token create|list|revoke`: tokens for REST."""

import argparse

from infra.access import tokens
from infra.access.roles import ROLES, new_person
from infra.commands import wiring
from infra.commands.wiring import Commands
from infra.settings import Settings

_COLUMNS = (
    "number",
    "name",
    "login",
    "role",
    "clients",
    "created_by",
    "expires_at",
    "last_used_at",
    "revoked_at",
)


def add(commands: Commands) -> None:
    parser = commands.add_parser("token", help="make, list and revoke tokens for REST")
    verbs = parser.add_subparsers(required=True, metavar="create|list|revoke")
    create = verbs.add_parser("create", help="print a new token; it is shown this once")
    create.add_argument("name", help="what it is for")
    create.add_argument("--login", required=True, help="in whose name it acts")
    create.add_argument("--role", choices=ROLES, required=True)
    create.add_argument("--client", action="append", help="sees only what belongs to this client; repeatable")
    create.add_argument("--days", type=int, default=90, help=f"how long it works, up to {tokens.MAX_DAYS}")
    create.set_defaults(command=_create)
    listed = verbs.add_parser("list", help="the newest tokens, never their secrets")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(command=_list)
    revoke = verbs.add_parser("revoke", help="stop a token at its next request")
    revoke.add_argument("number", type=int)
    revoke.set_defaults(command=_revoke)


def _create(options: argparse.Namespace, settings: Settings) -> None:
    person = new_person(options.login, options.role, options.client)
    with wiring.database(settings) as engine:
        token = tokens.create(
            engine, wiring.typist(), person, options.name, days=options.days, now=wiring.now()
        )
    print(token)


def _list(options: argparse.Namespace, settings: Settings) -> None:
    with wiring.database(settings) as engine:
        found = tokens.tokens(engine, wiring.typist())
    rows = [[getattr(token, column) for column in _COLUMNS] for token in found]
    wiring.print_list(_COLUMNS, rows, as_json=options.json)


def _revoke(options: argparse.Namespace, settings: Settings) -> None:
    with wiring.database(settings) as engine:
        tokens.revoke(engine, wiring.typist(), options.number, now=wiring.now())
    print(f"Token {options.number} is revoked.")
