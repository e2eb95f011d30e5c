"""What one asks of a funnel: which entries, which sessions, broken down by what."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from analytics.conditions import Condition
from analytics.errors import InvalidQuery, listed, nearest
from analytics.funnels import MAX_STEPS, FunnelDefinition

COMPLETIONS = ("within_window", "within_range")
ATTRIBUTIONS = (
    "session",
    "first_touch",
    "last_touch",
    "all_events",
    *(f"step_{n}" for n in range(MAX_STEPS)),
)
MAX_DAYS = 36_525
#: No event lies outside them (see analytics/events.py), and days of any zone can be counted within.
FIRST_YEAR, LAST_YEAR = 1000, 9000
MAX_GROUPS = 200
DEFAULT_GROUPS = 10
MAX_BREAKDOWN_PROPERTIES = 4
#: Between the values of a breakdown by several properties.
JOIN = "::"


@dataclass(frozen=True, slots=True)
class Filter:
    """Only sessions whose dimension has one of these values; `""` is missing."""

    dimension: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Checked on construction: raises InvalidQuery naming the field.

    `since` (inclusive) and `until` (exclusive) select the entries; None is the first and last of the events.
    Completions: "within_window" counts later steps past `until`, "within_range" does not.
    """

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    zone: str = "UTC"  #: whose days the trend counts in
    completions: str = "within_window"
    where: tuple[Filter, ...] = ()  #: on sessions
    event_where: tuple[Condition, ...] = ()  #: events that fail are as if they had not happened
    breakdown: tuple[str, ...] = ()  #: dimensions; several make one value, joined with "::"
    attribution: str = "session"  #: whose value counts; see ATTRIBUTIONS
    most_groups: int = DEFAULT_GROUPS  #: further values become "Other"

    def __post_init__(self) -> None:
        _check_choice("completions", self.completions, COMPLETIONS)
        _check_choice("attribution", self.attribution, ATTRIBUTIONS)
        if not 1 <= self.most_groups <= MAX_GROUPS:
            raise InvalidQuery("most_groups", f"{self.most_groups} is not between 1 and {MAX_GROUPS}")
        if len(self.breakdown) > MAX_BREAKDOWN_PROPERTIES or len(set(self.breakdown)) < len(self.breakdown):
            raise InvalidQuery("breakdown", f"takes at most {MAX_BREAKDOWN_PROPERTIES} properties, each once")
        time_zone(self.zone)
        for field, moment in (("since", self.since), ("until", self.until)):
            if moment is not None:
                check_year(field, moment)
                if moment.tzinfo is None:
                    raise InvalidQuery(field, "has no time zone")
        if self.since and self.until:
            if self.until <= self.since:
                raise InvalidQuery(
                    "until", f"{self.until:%Y-%m-%d %H:%M} is not after the start of the range"
                )
            if self.until - self.since > dt.timedelta(days=MAX_DAYS):
                raise InvalidQuery("until", f"the range is longer than {MAX_DAYS} days")

    @classmethod
    def of_days(
        cls, first: dt.date | None, last: dt.date | None, *, zone: str = "UTC", **others: Any
    ) -> Self:
        """Entries from the start of `first` to the end of `last`, both days of `zone` and both included."""
        for field, day in (("first day", first), ("last day", last)):
            if day is not None:
                check_year(field, day)
        if first and last and last < first:
            raise InvalidQuery("last day", f"{last} is before the first, {first}")
        return cls(
            since=day_start(first, zone) if first else None,
            until=day_start(last + dt.timedelta(days=1), zone) if last else None,
            zone=zone,
            **others,
        )

    def check_fits(self, definition: FunnelDefinition) -> None:
        """Raise InvalidQuery when this cannot be asked of the funnel, whatever the events."""
        if not self.attribution.startswith("step_"):
            return
        step, last = int(self.attribution.removeprefix("step_")), definition.last_step
        if step > last:
            raise InvalidQuery("attribution", f"{self.attribution} is beyond the last step, step_{last}")
        if step > 0 and definition.order == "unordered":
            raise InvalidQuery(
                "attribution",
                f"{self.attribution} has no place in an unordered funnel; only step_0, the entry, has one",
            )

    def days(self) -> list[dt.date]:
        """The days of the zone that the range touches. The range must have both ends."""
        if self.since is None or self.until is None:
            raise InvalidQuery("since", "a range without ends has no days")
        zone = time_zone(self.zone)
        first = self.since.astimezone(zone).date()
        last = (self.until - dt.timedelta(microseconds=1)).astimezone(zone).date()
        return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]

    def previous(self) -> "Question":
        """The same question about the period of equal length, in days of the zone, just before."""
        days = self.days()
        first = day_start(days[0] - dt.timedelta(days=len(days)), self.zone)
        return replace(self, since=first, until=self.since)


def check_year(field: str, day: dt.date) -> None:
    """Raise InvalidQuery naming the field unless `day`, or the moment, lies in a year to ask about."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidQuery(
            field, f"lies in the year {day.year}; {FIRST_YEAR} to {LAST_YEAR} can be asked about"
        )


def time_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidQuery(
            "zone", f"{name!r} is not a known time zone; write it like Europe/Berlin"
        ) from None


def day_start(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), time_zone(zone)).astimezone(dt.UTC)


def _check_choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        shown = [name for name in allowed if not name.startswith("step_")] or list(allowed)
        hint = " and step_0 ... for the value at a step" if field == "attribution" else ""
        raise InvalidQuery(
            field, f"{value!r} is not known{nearest(value, allowed)}; {listed('allowed', shown)}{hint}"
        )
