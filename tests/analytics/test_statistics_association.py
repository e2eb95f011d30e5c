"""Odds ratios, against scipy and a published table."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from scipy.stats.contingency import expected_freq, odds_ratio

from analytics.rates import Rate
from analytics.statistics.association import Association, association

rate = Rate.of_counts
cells = st.integers(0, 200)


def test_the_aspirin_study() -> None:
    """Agresti, Categorical Data Analysis, section 3.1: 1.83, and 1.44 to 2.33."""
    heart_attacks = association(rate(189, 11034), rate(104, 11037))
    assert (heart_attacks.odds_ratio, heart_attacks.low, heart_attacks.high) == pytest.approx(
        (1.832, 1.440, 2.331), abs=5e-4
    )


@settings(deadline=None)
@given(cells, cells, cells, cells)
def test_any_table_agrees_with_scipy(with_yes: int, with_no: int, without_yes: int, without_no: int) -> None:
    found = association(rate(with_yes, with_yes + with_no), rate(without_yes, without_yes + without_no))
    table = [[with_yes, with_no], [without_yes, without_no]]
    if not all(map(sum, [*table, *zip(*table, strict=True)])):
        assert found == Association(None, None, None, None)
        return
    if min(with_yes, with_no, without_yes, without_no):
        expected = odds_ratio(table, kind="sample")
        interval = expected.confidence_interval()
        assert found.odds_ratio == pytest.approx(expected.statistic)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    if min(map(sum, table)) < 30 or expected_freq(table).min() < 5:
        assert found.p_value is None
    else:
        chi_squared = chi2_contingency(table, correction=False)
        assert found.p_value == pytest.approx(chi_squared.pvalue, rel=1e-6, abs=1e-300)


def test_a_cell_of_nobody_counts_as_half_a_session() -> None:
    found = association(rate(40, 40), rate(20, 40))
    assert found.odds_ratio == pytest.approx(40.5 * 20.5 / (0.5 * 20.5))
    reach = 1.959964 * math.sqrt(1 / 40.5 + 1 / 0.5 + 1 / 20.5 + 1 / 20.5)
    assert found.high == pytest.approx(81 * math.exp(reach), rel=1e-6)
    assert found.p_value is not None


def test_too_few_are_left_without_a_verdict() -> None:
    assert association(rate(15, 29), rate(50, 100)).p_value is None
    assert association(rate(50, 100), rate(15, 29)).p_value is None
    assert association(rate(15, 30), rate(50, 100)).p_value is not None
    assert association(rate(4, 50), rate(5, 50)).p_value is None
    assert association(rate(5, 50), rate(5, 50)).p_value == 1
