"""`view`: any view of a funnel, as the pages and REST show it."""

import argparse
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from analytics.commands import Opener, asking, say
from analytics.errors import InvalidQuery, listed, nearest
from analytics.queries import Reader
from analytics.records import plain
from analytics.spreadsheet import csv_of_rows
from analytics.views.all_kinds import KINDS
from analytics.views.kinds import Cell
from analytics.views.options import options_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", help=", ".join(KINDS))
    asking.configure(parser)
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="what the view takes besides"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true")
    shown.add_argument("--csv", action="store_true")


def run(options: argparse.Namespace, opened: Opener) -> int:
    if options.kind not in KINDS:
        hint = f"{nearest(options.kind, KINDS)}; {listed('known', KINDS)}"
        raise InvalidQuery("KIND", f"{options.kind!r} is not a view{hint}")
    kind, question = KINDS[options.kind], asking.question(options)
    given = dict(text.partition("=")[::2] for text in options.option)
    with opened() as onward:
        definition = asking.definition(options, onward.engine)
        reader = Reader(onward.engine, onward.store, memory_bytes=onward.memory_bytes)
        asking.warn_of_unseen(reader, definition, question)
        asked = onward.asked(definition, question)
        view: Any = kind.of(reader, asked, **options_of(kind.name, given))
    if options.json:
        say(json.dumps(plain(view)))
    elif options.csv:
        sys.stdout.buffer.write(csv_of_rows(view.to_rows()))
    else:
        _print(view.to_rows())
    return 0


def _print(rows: list[list[Cell]]) -> None:
    header, *body = rows
    table = Table(*(str(cell) for cell in header), box=None, pad_edge=False)
    for row in body:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # Names come from the data: brackets and colons in them are no markup.
    Console(markup=False, emoji=False).print(table)
