"""Who may sign in: `add-user`, `users`, `set-role`, `set-password`, `remove-user` and `sign-out`."""

import argparse
import getpass
import sys

from infra.access import accounts, open_sessions
from infra.access.roles import ROLES, login_of, new_person
from infra.commands import wiring
from infra.commands.links import link_for
from infra.commands.wiring import Commands
from infra.errors import UnusablePerson
from infra.settings import Settings

_COLUMNS = ("login", "role", "clients", "has_password", "created_by", "seen_at", "disabled_at")


def add(commands: Commands) -> None:
    new = commands.add_parser("add-user", help="an account; without a password, a link to sign in with once")
    _name_role(new)
    _ask_password(new)
    new.set_defaults(command=_add)
    listed = commands.add_parser("users", help="the accounts")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(command=_list)
    role = commands.add_parser("set-role", help="another role and restriction, from the next request on")
    _name_role(role)
    role.set_defaults(command=_change)
    password = commands.add_parser("set-password", help="another password; ends the account's sessions")
    password.add_argument("login")
    _ask_password(password)
    password.add_argument("--none", action="store_true", help="take the password away")
    password.set_defaults(command=_set_password)
    for name, command, help_text in (
        ("remove-user", _remove, "remove an account with its sessions, links and tokens"),
        ("sign-out", _sign_out, "end every session of a login"),
    ):
        parser = commands.add_parser(name, help=help_text)
        parser.add_argument("login")
        parser.set_defaults(command=command)


def _name_role(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("login")
    parser.add_argument("--role", choices=ROLES, required=True)
    parser.add_argument("--client", action="append", help="sees only what belongs to this client; repeatable")


def _ask_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def _add(options: argparse.Namespace, settings: Settings) -> None:
    person = new_person(options.login, options.role, options.client)
    password = _password(options)
    with wiring.database(settings) as engine:
        by, now = wiring.typist(), wiring.now()
        accounts.add(engine, by, person, password, now=now)
        print(f"{person.login} may sign in." if password else link_for(engine, person, settings))


def _list(options: argparse.Namespace, settings: Settings) -> None:
    with wiring.database(settings) as engine:
        found = accounts.accounts(engine, wiring.typist(), limit=accounts.MAX_PAGE)
    rows = [[getattr(account, column) for column in _COLUMNS] for account in found]
    wiring.print_list(_COLUMNS, rows, as_json=options.json)


def _change(options: argparse.Namespace, settings: Settings) -> None:
    person = new_person(options.login, options.role, options.client)
    with wiring.database(settings) as engine:
        accounts.change(engine, wiring.typist(), person)
    print(f"{person.login} is {person.role} from the next request on.")


def _set_password(options: argparse.Namespace, settings: Settings) -> None:
    login, password = login_of(options.login), None if options.none else _password(options)
    if password is None and not options.none:
        raise UnusablePerson("No password was given; --none takes it away.")
    with wiring.database(settings) as engine:
        accounts.set_password(engine, wiring.typist(), login, password)
    print(f"The password of {login} is {'set' if password else 'taken away'}; their sessions have ended.")


def _remove(options: argparse.Namespace, settings: Settings) -> None:
    login = login_of(options.login)
    with wiring.database(settings) as engine:
        accounts.remove(engine, wiring.typist(), login)
    print(f"{login} is removed.")


def _sign_out(options: argparse.Namespace, settings: Settings) -> None:
    login = login_of(options.login)
    with wiring.database(settings) as engine:
        ended = open_sessions.sign_out_everywhere(engine, wiring.typist(), login)
    print(f"{ended} sessions of {login} have ended.")


def _password(options: argparse.Namespace) -> str | None:
    """What is typed, or None when nothing is: then there is none."""
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n") or None
    if not sys.stdin.isatty():
        return None
    typed = getpass.getpass("Password (empty for none): ")
    if typed and getpass.getpass("Again: ") != typed:
        raise UnusablePerson("The two passwords differ.")
    return typed or None
