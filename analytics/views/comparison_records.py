"""The records of a comparison of two periods."""

from dataclasses import dataclass

from analytics.rates import Rate
from analytics.statistics.mix_and_rate import MixAndRate
from analytics.views.kinds import Cell
from analytics.views.records import Outcomes, Period


@dataclass(frozen=True, slots=True)
class PeriodNumbers:
    period: Period
    entered: int
    converted: int
    outcomes: Outcomes
    observed: Rate
    settled: Rate
    median_seconds: float | None  #: from entry to the last step, over those who converted
    average_seconds: float | None


@dataclass(frozen=True, slots=True)
class RateChange:
    """From the first period to the second. A difference of shares is a share: 0.01 is one point."""

    difference: float | None  #: None when a period has nobody there
    low: float | None  #: 95 %
    high: float | None
    p_value: float | None  #: corrected for all tests of the answer; None when too few to tell


@dataclass(frozen=True, slots=True)
class PeriodChanges:
    conversion_rate_change: float | None  #: of the settled rates: open sessions move it neither way
    conversion_rate: RateChange  #: the same with its interval
    trend: str  #: "improving", "stable", "declining", or "too few to tell"
    observed_rate_change: float | None
    entered_change: float | None  #: how many more, as a share of the first period
    converted_change: int
    median_seconds_change: float | None
    average_seconds_change: float | None


@dataclass(frozen=True, slots=True)
class StepChange:
    """The way from one step that nobody skips to the next, over sessions that are not open."""

    label: str  #: of the step arrived at
    before: Rate  #: of those at the step before
    after: Rate
    change: RateChange
    verdict: str  #: "different", "not different" or "too few to tell"
    contribution: float | None  #: what it adds to the change of the conversion rate; all add up to it


@dataclass(frozen=True, slots=True)
class ComparisonView:
    name: str
    title: str
    zone: str
    period1: PeriodNumbers  #: the earlier, or whatever was chosen to compare with
    period2: PeriodNumbers
    changes: PeriodChanges
    steps: tuple[StepChange, ...]
    by_label: str | None  #: of the dimension of `mix`
    mix: MixAndRate | None  #: of settled rates; None without a dimension, or when a period is empty
    findings: tuple[str, ...]  #: plain sentences, the most important first

    def to_rows(self) -> list[list[Cell]]:
        """A header, the conversion, the way to each step, and the parts of each segment."""
        one, two, change = self.period1.settled, self.period2.settled, self.changes.conversion_rate
        rows: list[list[Cell]] = [
            list(_COLUMNS),
            ["conversion", self.title, *_pair(one, two), *_cells(change), self.changes.trend, *_NONE],
        ]
        rows += [
            ["step", step.label, *_pair(step.before, step.after), *_cells(step.change), step.verdict,
             step.contribution, *_NONE[1:]]
            for step in self.steps
        ]  # fmt: skip
        rows += [
            ["segment", part.value, part.rate_before, None, part.rate_after, None, *_NONE, None,
             part.rate, part.mix, part.share_before, part.share_after]
            for part in (self.mix.segments if self.mix else ())
        ]  # fmt: skip
        return rows


_COLUMNS = (
    "part", "name", "before", "before_of", "after", "after_of", "change", "low", "high", "p_value", "verdict",
    "contribution", "mix", "share_before", "share_after",
)  # fmt: skip
_NONE: tuple[None, ...] = (None,) * 4


def _pair(before: Rate, after: Rate) -> list[Cell]:
    return [before.share, before.of, after.share, after.of]


def _cells(change: RateChange) -> list[Cell]:
    return [change.difference, change.low, change.high, change.p_value]
