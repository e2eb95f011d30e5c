"""The cohorts of a funnel by week of entry, Monday to Sunday in the asked zone."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from analytics.kernel.arrays import CONVERTED, OPEN
from analytics.rates import Rate
from analytics.tally import Tally
from analytics.views.records import CohortWeek


def cohort_weeks(days: Sequence[dt.date], tally: Tally) -> tuple[CohortWeek, ...]:
    """From a tally whose bins are these days of entry; weeks that nobody entered are left out."""
    by_week: dict[dt.date, list[int]] = {}
    for at, day in enumerate(days):
        by_week.setdefault(day - dt.timedelta(days=day.weekday()), []).append(at)
    weeks = (_week(monday, tally.by_bin[at].sum(axis=0)) for monday, at in by_week.items())
    return tuple(week for week in weeks if week.entered)


def _week(monday: dt.date, counts: np.ndarray) -> CohortWeek:
    entered, converted = int(counts.sum()), int(counts[:, CONVERTED].sum())
    still_open = int(counts[:, OPEN].sum())
    return CohortWeek(
        week=monday,
        entered=entered,
        converted=converted,
        open=still_open,
        observed=Rate.of_counts(converted, entered),
        settled=Rate.of_counts(converted, entered - still_open),
        got_to=tuple(counts.sum(axis=1)[::-1].cumsum()[::-1].tolist()),
    )
