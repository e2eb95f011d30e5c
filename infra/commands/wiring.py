"""What every command needs: the database, who types, the clock, and a way to print a list."""

import argparse
import getpass
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine

from infra.access.roles import Person, Role
from infra.audit import asked_from
from infra.database import open_engine
from infra.servers import connected
from infra.settings import Settings

_PIPED_WIDTH = 160
#: What argparse gives to hang a command on.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - has no public name


@contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """The database that the settings name, or the embedded one, with the schema at its newest version."""
    with connected(settings) as servers:
        engine = open_engine(servers.database_url)
        try:
            with asked_from("terminal"):
                yield engine
        finally:
            engine.dispose()


def typist() -> Person:
    """Who types: an admin, since whoever runs these commands holds the key to the database."""
    return Person(getpass.getuser(), Role.ADMIN)


def now() -> datetime:
    return datetime.now(UTC)


def print_list(columns: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """A table for people, or a JSON list of objects with the columns as keys."""
    if as_json:
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(listed, default=str, indent=2))
        return
    table = Table(*(column.replace("_", " ") for column in columns), box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
        case list() | tuple():
            return escape(", ".join(str(part) for part in value))
        case _:
            return escape(str(value))
