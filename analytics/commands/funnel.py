"""`funnel`: count a funnel, typed or saved, as a table, JSON or CSV."""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from analytics import durations
from analytics.commands import Opener, asking, say
from analytics.queries import Reader
from analytics.spreadsheet import csv_of_rows
from analytics.views.funnel import FUNNEL
from analytics.views.records import FunnelView, GroupView


def configure(parser: argparse.ArgumentParser) -> None:
    asking.configure(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true")
    shown.add_argument("--csv", action="store_true")


def run(options: argparse.Namespace, opened: Opener) -> int:
    question = asking.question(options)
    with opened() as onward:
        definition = asking.definition(options, onward.engine)
        reader = Reader(onward.engine, onward.store, memory_bytes=onward.memory_bytes)
        asking.warn_of_unseen(reader, definition, question)
        view = FUNNEL.of(reader, onward.asked(definition, question))
    if options.json:
        body = view.to_json()
        say(json.dumps(body | {"groups": {group["value"]: group for group in body["groups"]}}))
    elif options.csv:
        sys.stdout.buffer.write(csv_of_rows(view.to_rows()))
    else:
        _print(view)
    return 0


def _print(view: FunnelView) -> None:
    # Names come from the data: brackets and colons in them are no markup.
    console = Console(markup=False, emoji=False)
    console.print(view.title, style="bold", end="  ", highlight=False)
    console.print(f"{view.period.first} to {view.period.last}", highlight=False)
    table = Table("Step", box=None, pad_edge=False)
    for heading in ("Reached", "Of entered", "Of step before", "Gone here", "Median from step before"):
        table.add_column(heading, justify="right")
    for step in view.steps:
        table.add_row(
            step.label,
            f"{step.reached:,}",
            _percent(step.share_of_entered),
            _percent(step.share_of_previous),
            f"{step.gone_here:,}",
            durations.shown(step.median_seconds),
        )
    console.print(table)
    if view.groups:
        console.print(_groups_table(view.breakdown_label or "", view.groups))
    console.print(view.finding, highlight=False)


def _groups_table(label: str, groups: tuple[GroupView, ...]) -> Table:
    table = Table(label, box=None, pad_edge=False)
    for heading in ("Entered", "Converted", "Rate", "95% interval", "Median time"):
        table.add_column(heading, justify="right")
    for group in groups:
        table.add_row(
            group.label,
            f"{group.entered:,}",
            f"{group.converted:,}",
            _percent(group.observed.share),
            f"{_percent(group.observed.low)} to {_percent(group.observed.high)}",
            durations.shown(group.median_seconds),
        )
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
