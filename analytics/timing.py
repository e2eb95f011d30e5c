"""Which bin of time a session is counted in besides its row: day or week of entry, hour of the week."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.kernel.arrays import Bins
from analytics.question import Question, day_start, time_zone

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS_OF_WEEK = 7 * 24
#: Time zones differ from UTC by multiples of this.
_QUARTER = dt.timedelta(minutes=15)
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """The bins of a question that has both ends of its range."""

    labels: tuple[dt.date, ...]  #: days, or Mondays; () for the hours of the week, Monday 00 first
    bins: Bins

    @property
    def size(self) -> int:
        return len(self.labels) or HOURS_OF_WEEK

    def label(self, number: int) -> dt.date | str:
        """What bin `number` is. Raises InvalidQuery when there is none of this number."""
        if not 0 <= number < self.size:
            raise InvalidQuery("bin", f"{number} is no bin of this question; 0 to {self.size - 1} are")
        return self.labels[number] if self.labels else hour_label(number)


def hour_label(hour: int) -> str:
    """`Tuesday 14:00`, of an hour of the week."""
    return f"{WEEKDAYS[hour // 24]} {hour % 24:02}:00"


def by_entry_day(question: Question) -> Timing:
    """The day of entry in the question's zone."""
    days = tuple(question.days())
    return Timing(days, _bins([_ms(day, question) for day in days], np.arange(len(days))))


def by_entry_week(question: Question, *, rows: bool = False) -> Timing:
    """The week of entry, from Monday, in the question's zone; with `rows` it is the row of the tally too."""
    days = question.days()
    mondays = sorted({day - dt.timedelta(days=day.weekday()) for day in days})
    bins = _bins([_ms(monday, question) for monday in mondays], np.arange(len(mondays)))
    return Timing(tuple(mondays), bins._replace(are_rows=int(rows)))


def by_hour_of_week(question: Question, window_seconds: int) -> Timing:
    """The hour of the week, in the question's zone, at which the furthest step was taken."""
    days = question.days()
    # One day more than the window has: a day on which the clocks change may be shorter than 24 hours.
    later = -(-window_seconds // 86400) + 2
    days += [days[-1] + dt.timedelta(days=n) for n in range(1, later + 1)]
    edges: list[int] = []
    hours: list[int] = []
    for day, following in pairwise(days):
        start, end = _ms(day, question), _ms(following, question)
        if end - start == 24 * _HOUR_MS:
            edges += range(start, end, _HOUR_MS)
            hours += range(day.weekday() * 24, day.weekday() * 24 + 24)
        else:
            # A day on which the clocks change: its hours are found quarter by quarter.
            moment = day_start(day, question.zone)
            while (at := round(moment.timestamp() * 1000)) < end:
                local = moment.astimezone(time_zone(question.zone))
                edges.append(at)
                hours.append(local.weekday() * 24 + local.hour)
                moment += _QUARTER
    return Timing((), _bins(edges, np.array(hours))._replace(at_furthest=1))


def by_hour_of_entry(question: Question) -> Timing:
    """The hour of the week, in the question's zone, of the entry."""
    timing = by_hour_of_week(question, window_seconds=0)
    return Timing(timing.labels, timing.bins._replace(at_furthest=0))


def _ms(day: dt.date, question: Question) -> int:
    return round(day_start(day, question.zone).timestamp() * 1000)


def _bins(edges_ms: list[int], bin_of: np.ndarray) -> Bins:
    return Bins(np.array(edges_ms, np.int64), bin_of.astype(np.int32), at_furthest=0, are_rows=0)


#: By name, what makes the bins of a funnel's question.
TIMINGS: Mapping[str, Callable[[FunnelDefinition], Callable[[Question], Timing]]] = {
    "day": lambda _: by_entry_day,
    "week": lambda _: by_entry_week,
    "hour_of_week": lambda definition: partial(by_hour_of_week, window_seconds=definition.window_seconds),
}
