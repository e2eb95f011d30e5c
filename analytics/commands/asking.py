"""The options that say which funnel and which question: `funnel` and `view` share them."""

import argparse
import datetime as dt
import sys
from collections.abc import Sequence

from sqlalchemy import Engine

from analytics import catalogue, definitions, durations, suggestions
from analytics.commands import say
from analytics.errors import InvalidQuery, SourceUnusable, nearest
from analytics.funnels import FunnelDefinition
from analytics.queries import Reader
from analytics.question import Filter, Question


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", help='"A,B|C,D?,*" is A, then B or C, then perhaps D, then any event')
    parser.add_argument("--name", help="a saved funnel, instead of --steps")
    parser.add_argument(
        "--window",
        help="longest time from entry to the last step: 30d, 12h; otherwise that of the saved funnel, or 14d",
    )
    parser.add_argument("--order", help="ordered (otherwise), strict or unordered")
    parser.add_argument("--by", metavar="DIMENSION", action="append", default=[], help="break down by")
    parser.add_argument("--attribution", default="session", help="whose value counts when it changes")
    parser.add_argument("--where", action="append", default=[], metavar="DIMENSION=VALUE")
    parser.add_argument("--completions", default="within_window", help="or within_range")
    parser.add_argument("--from", dest="since", metavar="DAY", help="first day of entry")
    parser.add_argument("--to", dest="until", metavar="DAY", help="last day of entry, included")
    parser.add_argument("--zone", default="UTC", help="time zone of the days")


def question(options: argparse.Namespace) -> Question:
    return Question.of_days(
        day("--from", options.since),
        day("--to", options.until),
        zone=options.zone,
        breakdown=tuple(options.by),
        attribution=options.attribution,
        completions=options.completions,
        where=_filters(options.where),
    )


def definition(options: argparse.Namespace, engine: Engine) -> FunnelDefinition:
    """The typed funnel, or the saved one. Raises SourceUnusable when both or neither is named."""
    if bool(options.steps) == bool(options.name):
        raise SourceUnusable('say which funnel: --steps "A,B|C,D", or --name of a saved one')
    window = durations.seconds(options.window) if options.window else None
    if options.name:
        if options.order:
            raise SourceUnusable("--order belongs to --steps; a saved funnel has its own")
        return definitions.latest(engine, options.name).definition.within(window)
    return FunnelDefinition.parse(options.steps, order=options.order or "ordered").within(window)


def day(option: str, text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidQuery(option, f"{text!r} is not a day; write it as 2024-01-31") from None


def _filters(texts: Sequence[str]) -> tuple[Filter, ...]:
    values: dict[str, list[str]] = {}
    for text in texts:
        dimension, equals, value = text.partition("=")
        if not equals:
            raise InvalidQuery("--where", f"{text!r} must be written dimension=value")
        values.setdefault(dimension.strip(), []).append(value)
    return tuple(Filter(dimension, tuple(wanted)) for dimension, wanted in values.items())


def warn_of_unseen(reader: Reader, definition: FunnelDefinition, question: Question) -> None:
    """Say on stderr which events and dimensions no event has ever had: more likely misspelt than meant."""
    events = sorted({name for step in definition.steps for name in step.events})
    for name in suggestions.unseen(reader, events):
        known = [found.text for found in suggestions.events(reader)]
        say(f"no event is called {name!r}{nearest(name, known)}", to=sys.stderr)
    asked = {*question.breakdown, *(wanted.dimension for wanted in question.where)}
    properties = {name for profile in catalogue.profiles(reader.engine) for name in profile["dimensions"]}
    for name in sorted(asked - properties):
        say(f"no event has the property {name!r}{nearest(name, properties)}", to=sys.stderr)
