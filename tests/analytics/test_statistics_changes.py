"""What explains a change: the mix of sessions or their rates, and which step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.rates import Rate
from analytics.statistics.mix_and_rate import mix_and_rate
from analytics.statistics.step_contributions import step_contributions

rate = Rate.of_counts
counted = st.integers(0, 300).flatmap(lambda of: st.integers(0, of).map(lambda count: rate(count, of)))
periods = st.dictionaries(st.sampled_from("abcd"), counted, max_size=4)


def test_the_same_mix_leaves_only_the_rates() -> None:
    change = mix_and_rate({"de": rate(10, 100), "fr": rate(50, 100)}, {"de": rate(3, 10), "fr": rate(5, 10)})
    assert change is not None
    assert (change.change, change.mix, change.rate) == pytest.approx((0.1, 0, 0.1))
    assert [segment.rate for segment in change.segments] == pytest.approx([0.1, 0])


def test_the_same_rates_leave_only_the_mix() -> None:
    """More enter where few convert. Both lose: one grows below the average, the other shrinks above."""
    change = mix_and_rate({"de": rate(5, 50), "fr": rate(25, 50)}, {"de": rate(8, 80), "fr": rate(10, 20)})
    assert change is not None
    assert (change.change, change.mix, change.rate) == pytest.approx((-0.12, -0.12, 0))
    assert [segment.mix for segment in change.segments] == pytest.approx([-0.042, -0.078])


def test_every_segment_improves_and_the_whole_declines() -> None:
    change = mix_and_rate({"de": rate(8, 80), "fr": rate(10, 20)}, {"fr": rate(3, 5), "de": rate(19, 95)})
    assert change is not None
    assert change.change == pytest.approx(0.04)
    assert [(segment.value, segment.share_before, segment.share_after) for segment in change.segments] == [
        ("de", 0.8, 0.95),
        ("fr", 0.2, 0.05),
    ]
    assert (change.mix, change.rate) == pytest.approx((-0.06, 0.1))


def test_a_segment_of_one_period_alone_is_all_mix() -> None:
    change = mix_and_rate({"de": rate(20, 100)}, {"de": rate(10, 50), "fr": rate(30, 50), "it": rate(0, 0)})
    assert change is not None
    assert [segment.value for segment in change.segments] == ["de", "fr"]
    new = change.segments[1]
    assert (new.share_before, new.rate_before, new.rate) == (0, None, 0)
    assert new.mix == pytest.approx(0.5 * (0.6 - 0.3))
    back = mix_and_rate({"de": rate(10, 50), "fr": rate(30, 50)}, {"de": rate(20, 100)})
    assert back is not None
    assert (back.segments[1].mix, back.segments[1].rate_after) == (pytest.approx(-new.mix), None)


@settings(deadline=None)
@given(periods, periods)
def test_mix_and_rate_add_up_to_the_change(before: dict[str, Rate], after: dict[str, Rate]) -> None:
    change = mix_and_rate(before, after)
    entries = [sum(segment.of for segment in period.values()) for period in (before, after)]
    if 0 in entries:
        assert change is None
        return
    overall = [
        sum(segment.count for segment in period.values()) / of
        for period, of in zip((before, after), entries, strict=True)
    ]
    assert change is not None
    assert change.change == overall[1] - overall[0]
    assert change.mix + change.rate == pytest.approx(change.change, abs=1e-12)
    assert sum(segment.mix for segment in change.segments) == pytest.approx(change.mix, abs=1e-12)
    assert sum(segment.rate for segment in change.segments) == pytest.approx(change.rate, abs=1e-12)


@settings(deadline=None)
@given(st.lists(counted.filter(lambda seen: seen.of > 0), min_size=2, max_size=4))
def test_rate_is_the_difference_of_rates_standardised_to_the_mean_mix(rates: list[Rate]) -> None:
    """Kitagawa's own words for it, where each segment is in both periods."""
    change = mix_and_rate(
        dict(zip("abcd", rates, strict=False)), dict(zip("abcd", rates[::-1], strict=False))
    )
    entries, shares = np.array([(seen.of, seen.count / seen.of) for seen in rates]).T
    standard = (entries + entries[::-1]) / 2 / entries.sum()
    assert change is not None
    assert change.rate == pytest.approx(standard @ (shares[::-1] - shares), abs=1e-12)


def test_the_step_that_changed_explains_the_change() -> None:
    assert step_contributions([100, 80, 40], [100, 80, 60]) == pytest.approx((0, 0.2))
    assert step_contributions([100, 80, 40], [50, 20, 10]) == pytest.approx((-0.2, 0))


def test_steps_may_cancel_out() -> None:
    contributions = step_contributions([100, 80, 40], [100, 40, 40])
    assert contributions is not None
    assert contributions == pytest.approx((0.4 * math.log(0.5), 0.4 * math.log(2)))
    assert step_contributions([100, 80, 40], [50, 40, 20]) == (0, 0)


reached = st.lists(st.integers(1, 1000), min_size=4, max_size=4).map(
    lambda counts: sorted(counts, reverse=True)
)


@settings(deadline=None)
@given(reached, reached)
def test_contributions_follow_the_change_along_its_path(before: list[int], after: list[int]) -> None:
    """Each rate moves at a constant pace of its logarithm; a step contributes what it adds on the way."""
    old, new = (np.diff(np.log(counts)) for counts in (before, after))
    moments = np.linspace(0, 1, 2001)
    overall = np.exp(np.sum(old) * (1 - moments) + np.sum(new) * moments)
    contributions = step_contributions(before, after)
    assert contributions == pytest.approx(np.trapezoid(overall, moments) * (new - old), abs=1e-5)
    assert sum(contributions or ()) == pytest.approx(after[-1] / after[0] - before[-1] / before[0], abs=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "contributions"),
    [
        ([10, 8, 4, 2], [10, 2, 0, 0], (0, -0.2, 0)),
        ([10, 2, 0, 0], [10, 8, 4, 2], (0, 0.2, 0)),
        ([10, 8, 4, 0], [10, 0, 0, 0], (0, 0, 0)),
    ],
)
def test_a_step_that_nobody_made_takes_the_whole_change(
    before: list[int], after: list[int], contributions: tuple[float, ...]
) -> None:
    assert step_contributions(before, after) == contributions


def test_a_step_that_nobody_made_is_the_limit_of_one_that_hardly_anybody_made() -> None:
    hardly = step_contributions([10, 8, 4, 2], [10, 2, 10**-300, 10**-300])  # type: ignore[list-item]
    assert hardly == pytest.approx((0, -0.2, 0), abs=1e-3)


def test_an_empty_period_explains_nothing() -> None:
    assert step_contributions([0, 0], [10, 5]) is None
    assert step_contributions([10, 5], [0, 0]) is None
    assert mix_and_rate({}, {"de": rate(1, 2)}) is None


@pytest.mark.parametrize(("before", "after"), [([10, 5], [10, 5, 2]), ([10], [10]), ([], [])])
def test_periods_of_different_steps_are_refused(before: list[int], after: list[int]) -> None:
    with pytest.raises(ValueError, match="same steps, at least two"):
        step_contributions(before, after)


def test_a_step_that_sessions_may_skip_is_refused() -> None:
    with pytest.raises(ValueError, match="leave optional steps out"):
        step_contributions([10, 0, 5], [10, 5, 5])
    with pytest.raises(ValueError, match="leave optional steps out"):
        step_contributions([10, 5, 5], [10, 5, 6])
