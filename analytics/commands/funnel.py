"""`funnel`: count a funnel, typed or saved, as a table, JSON or CSV."""

import argparse
import csv
import datetime as dt
import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from analytics import definitions, durations
from analytics.commands import Opener, say
from analytics.errors import InvalidQuery
from analytics.funnels import DEFAULT_WINDOW_SECONDS, FunnelDefinition
from analytics.queries import Reader
from analytics.question import Filter, Question
from analytics.views.funnel import FUNNEL
from analytics.views.records import FunnelView, GroupView


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", help='"A,B|C,D" is A, then B or C, then D')
    parser.add_argument("--name", help="a saved funnel, instead of --steps")
    parser.add_argument("--window", help="longest time from entry to the last step: 30d, 12h; 14d otherwise")
    parser.add_argument("--order", default="ordered")
    parser.add_argument(
        "--by",
        metavar="DIMENSION",
        action="append",
        default=[],
        help="break down by this; may be repeated",
    )
    parser.add_argument("--attribution", default="session", help="whose value counts when it changes")
    parser.add_argument("--where", action="append", default=[], metavar="DIMENSION=VALUE")
    parser.add_argument("--from", dest="since", metavar="DAY", help="first day of entry")
    parser.add_argument("--to", dest="until", metavar="DAY", help="last day of entry, included")
    parser.add_argument("--zone", default="UTC", help="time zone of the days")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--csv", action="store_true")


def run(options: argparse.Namespace, opened: Opener) -> int:
    question = Question.of_days(
        _date("--from", options.since),
        _date("--to", options.until),
        zone=options.zone,
        breakdown=tuple(options.by),
        attribution=options.attribution,
        where=_filters(options.where),
    )
    typed = None if options.name else _typed_funnel(options)
    with opened() as onward:
        definition = typed or definitions.latest(onward.engine, options.name).definition
        reader = Reader(onward.engine, onward.store, memory_bytes=onward.memory_bytes)
        view = FUNNEL.of(reader, onward.asked(definition, question))
    if options.json:
        body = view.to_json()
        say(json.dumps(body | {"groups": {group["value"]: group for group in body["groups"]}}))
    elif options.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(view.to_csv_rows())
    else:
        _print(view)
    return 0


def _typed_funnel(options: argparse.Namespace) -> FunnelDefinition:
    if not options.steps:
        raise InvalidQuery("--steps", 'say which: --steps "A,B|C,D", or --name of a saved funnel')
    window = durations.seconds(options.window) if options.window else DEFAULT_WINDOW_SECONDS
    return FunnelDefinition.parse(options.steps, window_seconds=window, order=options.order)


def _filters(texts: Sequence[str]) -> tuple[Filter, ...]:
    values: dict[str, list[str]] = {}
    for text in texts:
        dimension, equals, value = text.partition("=")
        if not equals:
            raise InvalidQuery("--where", f"{text!r} must be written dimension=value")
        values.setdefault(dimension.strip(), []).append(value)
    return tuple(Filter(dimension, tuple(wanted)) for dimension, wanted in values.items())


def _date(option: str, text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidQuery(option, f"{text!r} is not a day; write it as 2024-01-31") from None


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
    for heading in ("Entered", "Converted", "Rate", "95 % interval", "Median time"):
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
