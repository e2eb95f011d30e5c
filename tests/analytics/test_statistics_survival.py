"""Curves and the log-rank test, against scipy on single sessions and against published examples."""

import warnings
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import CensoredData, chi2_contingency, ecdf, logrank

from analytics.rates import FEWEST_ENTRIES
from analytics.sketch import BUCKETS, value_ms
from analytics.statistics.log_rank import LogRank, log_rank
from analytics.statistics.survival import MOST_POINTS, ConversionCurve, CurvePoint, Watched

WEEKS = 40
#: Weeks to relapse of children with leukaemia, + where watching ended before (Freireich et al., 1963).
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def watched(
    converted: Iterable[int] = (), still_open: Iterable[int] = (), *, at_once: int = 0, left: int = 0
) -> Watched:
    """Sessions by the numbers of their buckets."""
    return Watched(at_once, histogram(converted), histogram(still_open), left)


def histogram(buckets: Iterable[int]) -> NDArray[np.int64]:
    counts = np.zeros(BUCKETS, np.int64)
    for bucket, count in Counter(buckets).items():
        counts[bucket] = count
    return counts


def children(weeks: str, *, twice: bool = False, later: int = 0) -> Watched:
    """Bucket k is week k, `later` weeks added to each relapse."""
    ends = weeks.split() * (2 if twice else 1)
    relapsed = [int(week) + later for week in ends if not week.endswith("+")]
    return watched(relapsed, [int(week[:-1]) for week in ends if week.endswith("+")])


def seconds(bucket: int) -> float:
    return value_ms(bucket) / 1000


def remaining(curve: ConversionCurve, bucket: int) -> float:
    return 1 - next(point.share for point in reversed(curve.points) if point.seconds <= seconds(bucket))


def test_a_published_curve() -> None:
    curve = ConversionCurve.of(children(TREATED))
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448, 35: 0.448}
    assert {week: round(remaining(curve, week), 3) for week in published} == published
    assert curve.median_seconds == seconds(23)
    assert [point.at_risk for point in curve.points] == [21, 21, 17, 15, 12, 11, 7, 6, 1]


def test_what_is_converted_at_once_stands_at_zero_seconds() -> None:
    curve = ConversionCurve.of(watched([100, 100], at_once=1, left=1))
    assert [(point.seconds, point.share, point.at_risk) for point in curve.points] == [
        (0, 0.25, 4),
        (seconds(100), 0.75, 3),
    ]


def test_open_sessions_are_not_counted_as_lost() -> None:
    """Two of four have converted; of the two others nobody knows, as they entered just before."""
    curve = ConversionCurve.of(watched([100, 100], [99, 99]))
    assert curve.points[-1].share == 1
    assert ConversionCurve.of(watched([100, 100], left=2)).points[-1].share == 0.5


def test_an_open_session_is_still_watched_in_the_bucket_of_its_end() -> None:
    assert ConversionCurve.of(watched([100], [100])).points[-1].share == 0.5


def test_a_median_is_over_everybody_and_not_reached_below_half() -> None:
    assert ConversionCurve.of(watched([10, 20, 30], left=3)).median_seconds == seconds(30)
    assert ConversionCurve.of(watched([10, 20, 30], left=4)).median_seconds is None
    assert ConversionCurve.of(watched([50], at_once=3)).median_seconds == 0


def test_half_is_reached_in_spite_of_rounding() -> None:
    """The product of the fractions of 24 sessions, for one, comes out above one half."""
    for sessions in range(2, 400, 2):
        curve = ConversionCurve.of(watched(range(sessions // 2), left=sessions // 2))
        assert curve.median_seconds == seconds(sessions // 2 - 1)


def test_nobody_has_no_curve() -> None:
    assert ConversionCurve.of(watched()) == ConversionCurve((), None)


def test_the_curve_starts_flat_and_reaches_to_the_last_session_watched() -> None:
    curve = ConversionCurve.of(watched([], [70, 80]))
    assert curve.points == (
        CurvePoint(0.0, 0.0, None, None, at_risk=2),
        CurvePoint(seconds(80), 0.0, None, None, at_risk=1),
    )


def test_a_long_curve_is_thinned_where_it_shows_least() -> None:
    rng = np.random.default_rng(7)
    counts = rng.poisson(np.linspace(0, 40, 900)).astype(np.int64)
    histogram_of_all = np.concatenate((counts, np.zeros(BUCKETS - len(counts), np.int64)))
    curve = ConversionCurve.of(Watched(3, histogram_of_all, histogram([]), 5000))
    exact = (3 + np.cumsum(histogram_of_all)) / (3 + histogram_of_all.sum() + 5000)
    drawn = np.array([1 - remaining(curve, bucket) for bucket in range(900)])
    assert len(curve.points) <= MOST_POINTS
    assert np.all(drawn <= exact[:900] + 1e-12)
    assert np.max(exact[:900] - drawn) < 0.01
    assert curve.points[-1].share == pytest.approx(exact[-1])


sessions = st.lists(st.tuples(st.integers(0, WEEKS), st.booleans()), min_size=1, max_size=60)


@settings(deadline=None)
@given(sessions)
def test_a_curve_agrees_with_scipy(group: list[tuple[int, bool]]) -> None:
    curve = ConversionCurve.of(_watched_of(group))
    with warnings.catch_warnings(action="ignore"):
        expected = ecdf(_censored(group)).sf
        interval = expected.confidence_interval(method="log-log")
    for point in curve.points[1:]:
        week = next(week for week in range(WEEKS + 1) if seconds(week) == point.seconds)
        assert point.share == pytest.approx(1 - float(expected.evaluate(week)), abs=1e-9)
        if point.low is not None:
            assert point.low == pytest.approx(1 - float(interval.high.evaluate(week)), abs=1e-6)
            assert point.high == pytest.approx(1 - float(interval.low.evaluate(week)), abs=1e-6)
    shares = [point.share for point in curve.points]
    assert shares == sorted(shares)


large = st.lists(st.tuples(st.integers(0, WEEKS), st.booleans()), min_size=FEWEST_ENTRIES, max_size=60)


@settings(deadline=None)
@given(large, large)
def test_two_groups_agree_with_scipy(one: list[tuple[int, bool]], other: list[tuple[int, bool]]) -> None:
    result = log_rank([_watched_of(one), _watched_of(other)])
    if result.p_value is None:
        return
    expected = logrank(_censored(one), _censored(other))
    assert result.chi_squared == pytest.approx(expected.statistic**2, rel=1e-6, abs=1e-9)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-6)


def test_three_groups_agree_with_statsmodels() -> None:
    """Every child twice, for thirty a group; the values are those of statsmodels 0.15, survdiff."""
    treated, placebo = children(TREATED, twice=True), children(PLACEBO, twice=True)
    later = children(PLACEBO, twice=True, later=4)
    two, three = log_rank([treated, placebo]), log_rank([treated, placebo, later])
    assert (two.groups, three.groups) == (2, 3)
    assert (two.chi_squared, three.chi_squared) == pytest.approx((34.389730816093405, 42.29636089090126))
    assert (two.p_value, three.p_value) == pytest.approx((4.5109711521718054e-09, 6.538256602794945e-10))


def test_groups_too_small_to_be_judged_take_no_part() -> None:
    large, larger = children(TREATED, twice=True), children(PLACEBO, twice=True)
    small = watched(range(FEWEST_ENTRIES - 1))
    assert log_rank([large, small, larger]) == log_rank([large, larger])
    assert log_rank([large, small]) == LogRank(1, None, None)
    assert log_rank([large, watched(range(FEWEST_ENTRIES))]).p_value is not None


def test_groups_in_which_nobody_converted_cannot_be_told_apart() -> None:
    assert log_rank([watched(left=50), watched([], range(40))]) == LogRank(2, None, None)


def test_conversions_at_once_count_in_the_comparison() -> None:
    """With one moment alone the test is that of a two by two table, but for n / (n - 1)."""
    result = log_rank([watched(at_once=50, left=50), watched(at_once=10, left=90)])
    table = chi2_contingency([[50, 50], [10, 90]], correction=False)
    assert result.chi_squared == pytest.approx(table.statistic * 199 / 200)


def _watched_of(group: list[tuple[int, bool]]) -> Watched:
    return watched([week for week, open_ in group if not open_], [week for week, open_ in group if open_])


def _censored(group: list[tuple[int, bool]]) -> CensoredData:
    return CensoredData.right_censored([week for week, _ in group], [open_ for _, open_ in group])
