"""The records of a comparison of segments."""

from dataclasses import dataclass

from analytics.rates import Rate
from analytics.statistics.log_rank import LogRank
from analytics.statistics.survival import ConversionCurve
from analytics.views.kinds import Cell
from analytics.views.records import Outcomes, Period


@dataclass(frozen=True, slots=True)
class SegmentStep:
    """The way from one step that nobody skips to the next, over sessions that are not open."""

    label: str  #: of the step arrived at
    rate: Rate  #: of those at the step before
    others: Rate  #: the same of those compared with
    loss: float | None  #: 1 - rate; None when nobody was at the step before
    lost_at: int | None  #: the step where they stopped; None where optional steps make it several
    contribution: float | None  #: what this step adds to the difference of the settled rates; see Versus


@dataclass(frozen=True, slots=True)
class Versus:
    """A segment's settled rate less that of what it is compared with."""

    other: Rate
    difference: float | None  #: 0.01 is one point; None when a side is empty
    low: float | None  #: 95 %
    high: float | None
    p_value: float | None  #: corrected for all tests of the answer; None when too few to tell
    verdict: str  #: "different", "not different" or "too few to tell"


@dataclass(frozen=True, slots=True)
class Segment:
    value: str  #: of the dimension, "" missing, "Other" beyond the limit; or the Monday of the week
    label: str
    bin: int | None  #: of the week; None for a dimension
    entered: int
    converted: int
    outcomes: Outcomes
    observed: Rate
    settled: Rate
    versus: Versus | None  #: None for the reference itself, and when there is nothing to compare with
    median_seconds: float | None  #: from entry to the last step, over those who converted
    average_seconds: float | None
    steps: tuple[SegmentStep, ...]
    curve: ConversionCurve  #: the share converted so long after entry, open sessions not counted as lost


@dataclass(frozen=True, slots=True)
class Speed:
    """Whether all segments convert alike over the whole time since entry."""

    test: LogRank
    p_value: float | None  #: corrected with the others
    verdict: str


@dataclass(frozen=True, slots=True)
class CohortsView:
    name: str
    title: str
    by: str  #: the dimension, or "entry_week"
    by_label: str
    reference: str | None  #: value of the segment compared with; None: all others together
    period: Period
    window_seconds: int
    entered: int
    open: int
    segments: tuple[Segment, ...]  #: that somebody entered; values by entries, weeks in order
    folded_values: int  #: values that the segment "Other" stands for
    speed: Speed
    insights: tuple[str, ...]  #: plain sentences on what is more than chance; () when nothing is

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row per segment."""
        steps = [f"reached {step.label}" for step in self.segments[0].steps] if self.segments else []
        return [["segment", *_COLUMNS, *steps], *(_row(segment) for segment in self.segments)]


_COLUMNS = (
    "entered", "converted", "blocked", "open", "left", "observed", "settled", "settled_low", "settled_high",
    "difference", "difference_low", "difference_high", "p_value", "verdict", "median_seconds",
    "average_seconds", "half_converted_seconds",
)  # fmt: skip


def _row(segment: Segment) -> list[Cell]:
    outcomes, versus = segment.outcomes, segment.versus
    compared: list[Cell] = [None, None, None, None, None]
    if versus:
        compared = [versus.difference, versus.low, versus.high, versus.p_value, versus.verdict]
    return [
        segment.label, segment.entered, segment.converted, outcomes.blocked, outcomes.open, outcomes.left,
        segment.observed.share, segment.settled.share, segment.settled.low, segment.settled.high, *compared,
        segment.median_seconds, segment.average_seconds, segment.curve.median_seconds,
        *(step.rate.share for step in segment.steps),
    ]  # fmt: skip
