"""What a counterfactual would bring, and how often its interval holds the truth."""

import numpy as np
import pytest

from analytics.rates import Rate
from analytics.statistics.comparison import difference
from analytics.statistics.impact import Impact, impact

rate = Rate.of_counts


def test_a_low_rate_raised_to_a_high_one_gains_the_gap_of_those_exposed() -> None:
    gain = impact(200, rate(100, 400), rate(200, 400), downstream=rate(300, 400))
    assert gain.sessions_per_week == pytest.approx(200 * 0.25 * 0.75)
    assert gain.low is not None
    assert gain.high is not None
    assert 0 < gain.low < 37.5 < gain.high
    assert gain.is_supported


def test_at_the_last_step_the_interval_is_that_of_the_gap() -> None:
    gap, gain = difference(rate(100, 400), rate(200, 400)), impact(200, rate(100, 400), rate(200, 400))
    assert gap.low is not None
    assert gap.high is not None
    assert (gain.low, gain.high) == pytest.approx((200 * gap.low, 200 * gap.high))


def test_a_gap_that_may_be_chance_is_not_supported() -> None:
    gain = impact(200, rate(100, 400), rate(110, 400), downstream=rate(300, 400))
    assert gain.low is not None
    assert gain.low < 0
    assert not gain.is_supported


def test_a_loss_is_the_mirror_of_a_gain() -> None:
    low, high, onward = rate(30, 100), rate(70, 100), rate(10, 100)
    gain, loss = impact(10, low, high, onward), impact(10, high, low, onward)
    assert gain.low is not None
    assert gain.high is not None
    assert (loss.low, loss.high) == pytest.approx((-gain.high, -gain.low))
    assert not loss.is_supported


@pytest.mark.parametrize("few", [0, 1, 2])
def test_a_rate_of_too_few_supports_nothing(few: int) -> None:
    enough, least = [(0, 30), (30, 30), (30, 30)], [(0, 29), (29, 29), (29, 29)]
    assert impact(10, *(rate(*counts) for counts in enough)).is_supported
    enough[few] = least[few]
    assert not impact(10, *(rate(*counts) for counts in enough)).is_supported


def test_a_rate_of_nobody_leaves_the_gain_unknown() -> None:
    unknown, nobody, known = Impact(None, None, None, is_supported=False), rate(0, 0), rate(20, 40)
    assert impact(10, nobody, known, known) == unknown
    assert impact(10, known, nobody, known) == unknown
    assert impact(10, known, known, nobody) == unknown


def test_nobody_exposed_gains_nothing_and_supports_nothing() -> None:
    gain = impact(0, rate(0, 100), rate(100, 100))
    assert (gain.sessions_per_week, gain.low, gain.high, gain.is_supported) == (0, 0, 0, False)


@pytest.mark.parametrize(
    ("current", "reference", "onward"),
    [
        ((0.30, 200), (0.45, 200), (0.60, 120)),
        ((0.02, 60), (0.20, 80), (0.90, 40)),
        ((0.50, 40), (0.95, 40), (0.10, 50)),
        ((0.40, 100), (0.40, 100), (0.50, 60)),
        ((0.60, 100), (0.40, 100), (0.95, 30)),
    ],
)
def test_the_interval_holds_the_truth_as_often_as_it_says(
    current: tuple[float, int], reference: tuple[float, int], onward: tuple[float, int]
) -> None:
    rng = np.random.default_rng(1905)
    truth = (reference[0] - current[0]) * onward[0]
    drawn = zip(*(rng.binomial(of, share, 3000) for share, of in (current, reference, onward)), strict=True)
    held = 0
    for counts in drawn:
        sides = (current, reference, onward)
        gain = impact(1, *(rate(int(count), of) for count, (_, of) in zip(counts, sides, strict=True)))
        assert gain.low is not None
        assert gain.high is not None
        held += gain.low <= truth <= gain.high
    assert 0.935 <= held / 3000 <= 0.985
