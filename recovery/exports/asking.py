"""Which funnel a file is of and what was asked of it, from the parameters of the pages and of the REST lists.

Links of pages are written by analytics/session_query.py; the lists of views have shorter names for the same:
`from`, `to`, `zone`, `by`, `where` and `client`. Both are understood, and mean what they mean there.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from analytics import definitions
from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.question import check_year, day_start
from analytics.session_query import SessionQuery
from recovery.exports.table import Pairs, Sources

PARAMETERS: Mapping[str, str] = {
    "name": "the funnel; onboarding unless given",
    "from": "first day of entry, as 2026-03-01",
    "to": "last day of entry, included",
    "zone": "time zone of the days, as Europe/Berlin",
    "by": "property to break down by; may be repeated",
    "attribution": "whose value counts in the breakdown, as first_touch",
    "completions": "within_window or within_range",
    "where": "only sessions with this value, as device=phone; may be repeated",
    "client": "only sessions of this client; may be repeated",
    "window_seconds": "window of the funnel, instead of its own",
}
_SAME_MEANING = {"zone": "time_zone", "by": "breakdown"}
_FIRST_FUNNEL = "onboarding"


def asked(sources: Sources, pairs: Pairs) -> tuple[FunnelDefinition, SessionQuery]:
    """Raises InvalidQuery naming the parameter, InvalidFunnel and UnknownFunnel."""
    query = SessionQuery.from_pairs(_long(pairs))
    saved = definitions.latest(sources.engine, query.name or _FIRST_FUNNEL)
    return query.applied_to(saved.definition), query


def _long(pairs: Pairs) -> Pairs:
    """The same with the short names spelled out."""
    zone = dict(pairs).get("zone", "UTC")
    found: Pairs = []
    wanted: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        match name:
            case "from":
                found.append(("since", day_start(_day(name, value), zone).isoformat()))
            case "to":
                after = _day(name, value) + timedelta(days=1)
                found.append(("until", day_start(after, zone).isoformat()))
            case "where":
                dimension, one = _condition(value)
                wanted[dimension].append(one)
            case "client":
                wanted["client_id"].append(value)
            case _:
                found.append((_SAME_MEANING.get(name, name), value))
    return found + [("session_where", json.dumps([name, *values])) for name, values in wanted.items()]


def _day(name: str, value: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise InvalidQuery(name, f"{value!r} is not a day like 2026-03-01") from None
    check_year(name, day)
    return day


def _condition(value: str) -> tuple[str, str]:
    dimension, equals, wanted = value.partition("=")
    if not equals:
        raise InvalidQuery("where", f"{value!r} must be written dimension=value")
    return dimension, wanted
