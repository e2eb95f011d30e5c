"""The time axis of the curves: linear where times are alike, logarithmic where most are early."""

import pytest

from analytics.statistics.survival import CurvePoint
from pages._time_axis import TimeAxis

DAY = 86400


def over(*seconds: float) -> TimeAxis | None:
    points = [CurvePoint(one, 0.1 * nth, None, None, 9) for nth, one in enumerate(seconds, 1)]
    return TimeAxis.over([CurvePoint(0, 0, None, None, 9), *points])


def test_times_spread_over_days_are_drawn_to_scale():
    axis = over(3 * DAY, 9 * DAY, 12 * DAY, 28 * DAY)
    assert (axis.left(14 * DAY), axis.marks()) == (0.5, [7 * DAY, 14 * DAY, 21 * DAY])


def test_times_mostly_early_are_drawn_by_their_logarithm():
    axis = over(1, 10, 20, 10_000)
    assert (axis.left(0), axis.left(1), axis.left(100), axis.left(10_000)) == (0, 0, pytest.approx(0.5), 1)
    assert axis.marks() == [1, 10, 60, 600, 3600]


def test_one_time_alone_has_an_axis_and_none_has_none():
    assert over(60).left(60) == 0.5
    assert over() is None
