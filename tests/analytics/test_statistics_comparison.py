"""Rates, their differences and the verdicts, against published intervals and scipy's tests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, false_discovery_control

from analytics.rates import FEWEST_ENTRIES, Rate
from analytics.statistics.comparison import Difference, difference, trend, verdict
from analytics.statistics.correction import benjamini_hochberg

rate = Rate.of_counts
rates = st.integers(1, 500).flatmap(lambda of: st.integers(0, of).map(lambda count: rate(count, of)))


@settings(deadline=None)
@given(rates)
def test_the_interval_of_a_rate_is_wilsons(seen: Rate) -> None:
    wilson = binomtest(seen.count, seen.of).proportion_ci(method="wilson")
    assert (seen.low, seen.high) == pytest.approx((wilson.low, wilson.high), abs=1e-12)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """Table II of Newcombe (1998), method 10."""
    change = difference(rate(*other), rate(*one))
    assert change.difference == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert (change.low, change.high) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)
@given(rates, rates)
def test_the_test_of_a_difference_is_the_pooled_z_test(one: Rate, other: Rate) -> None:
    table = [[side.count, side.of - side.count] for side in (one, other)]
    change = difference(one, other)
    if min(one.of, other.of) < FEWEST_ENTRIES:
        assert change.p_value is None
    elif 0 in (sum(column) for column in zip(*table, strict=True)):
        assert change.p_value == 1
    else:
        chi_squared = chi2_contingency(table, correction=False)
        assert change.p_value == pytest.approx(chi_squared.pvalue, rel=1e-6, abs=1e-300)


def test_an_empty_side_has_no_difference() -> None:
    assert difference(rate(0, 0), rate(20, 40)) == Difference(None, None, None, None)
    assert difference(rate(20, 40), rate(0, 0)) == Difference(None, None, None, None)


def test_thirty_on_each_side_are_enough_and_one_less_is_not() -> None:
    assert verdict(difference(rate(0, 30), rate(30, 30)).p_value) == "different"
    assert verdict(difference(rate(0, 29), rate(30, 30)).p_value) == "too few to tell"
    assert verdict(difference(rate(0, 30), rate(29, 29)).p_value) == "too few to tell"
    assert verdict(difference(rate(15, 30), rate(15, 30)).p_value) == "not different"


def test_a_difference_counts_below_the_accepted_chance_and_not_at_it() -> None:
    assert verdict(0.0499) == "different"
    assert verdict(0.05) == "not different"


def test_a_trend_is_called_only_when_larger_than_chance() -> None:
    rise, fall = difference(rate(100, 400), rate(160, 400)), difference(rate(160, 400), rate(100, 400))
    assert trend(rise, rise.p_value) == "improving"
    assert trend(fall, fall.p_value) == "declining"
    assert trend(rise, 0.05) == "stable"
    assert trend(fall, 0.05) == "stable"
    assert trend(rise, None) == "too few to tell"


@settings(deadline=None)
@given(st.lists(st.none() | st.floats(0, 1)))
def test_p_values_are_corrected_in_place_and_untested_ones_left_out(p_values: list[float | None]) -> None:
    tested = [p for p in p_values if p is not None]
    adjusted = benjamini_hochberg(p_values)
    assert [p is None for p in adjusted] == [p is None for p in p_values]
    if tested:
        corrected = [p for p in adjusted if p is not None]
        assert corrected == pytest.approx(list(false_discovery_control(tested, method="bh")))


def test_the_example_of_benjamini_and_hochberg_keeps_four() -> None:
    """Of fifteen endpoints of thrombolysis (1995, section 4.1) nine are below 0.05, and four stay so."""
    endpoints = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    endpoints += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    verdicts = [verdict(p) for p in benjamini_hochberg(endpoints)]
    assert verdicts == ["different"] * 4 + ["not different"] * 11
