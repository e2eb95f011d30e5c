"""The records of the drop-off heatmap.

A drop-off is a session that got exactly so far and is blocked or has left: it will not arrive by itself. Open
sessions are none; they are counted beside. Slices are rows of a map, with a cell for each stage.
"""

from dataclasses import dataclass

from analytics.rates import Rate
from analytics.sessions import Selection
from analytics.views.kinds import Cell
from analytics.views.records import Period


@dataclass(frozen=True, slots=True)
class DropOff:
    """One cell. `blocked` and `left` add up to the drop-offs, which are the count of the rate."""

    rate: Rate  #: drop-offs / those who reached the stage
    blocked: int
    left: int
    open: int  #: stopped here too, but may still go on
    is_few: bool  #: too few reached the stage, open ones left out, to call the share a finding


@dataclass(frozen=True, slots=True)
class Slice:
    value: str  #: of the dimension, or the pattern; "" is missing
    label: str
    total: DropOff  #: of those who entered
    cells: tuple[DropOff, ...]  #: one for each stage


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """What happened in one hour of the week, in the asked zone.

    The total is of arrivals at any stage: a session arrives at several.
    """

    hour: int  #: 0 is Monday 00:00
    label: str
    total: DropOff
    cells: tuple[DropOff, ...]  #: one for each stage: of those who took the step in this hour


@dataclass(frozen=True, slots=True)
class WorstHour:
    """An hour in which more of those who took a step go no further than at other hours."""

    hour: int
    label: str
    stage: int
    stage_label: str
    rate: Rate  #: of those who took the step in this hour
    rest: Rate  #: of those who took it in all other hours
    difference: float
    low: float | None  #: of the difference, 95 %
    high: float | None
    p_value: float  #: corrected for all hours and stages tested


@dataclass(frozen=True, slots=True)
class TimeAnalysis:
    zone: str
    hours: tuple[HourOfWeek, ...]  #: 168 of them
    tested: int  #: pairs of hour and stage with enough sessions to compare
    worst_hours: tuple[WorstHour, ...]  #: the largest difference first; () when none is more than chance


@dataclass(frozen=True, slots=True)
class Reason:
    """Why sessions are incomplete, as far as the events and failed tasks tell.

    Reasons of kind "segment" overlap with the others, which do not overlap with each other.
    """

    kind: str  #: "blocked", "silent", "elsewhere" or "segment"
    text: str
    share: Rate  #: of all incomplete sessions
    excess: int | None  #: of kind "segment": how many more than at the rate of all others
    sessions: Selection  #: which they are


@dataclass(frozen=True, slots=True)
class HeatmapView:
    name: str
    title: str
    zone: str
    window_seconds: int
    period: Period
    entered: int
    total_incomplete: int  #: blocked or left
    blocked: int
    left: int
    open: int  #: apart: these are no drop-offs
    incomplete: Rate  #: of those who entered
    stages: tuple[str, ...]  #: labels of all steps but the last, where everybody has arrived
    all_segments: Slice  #: everybody
    segment_label: str | None  #: what the segments are; None when no dimension was chosen
    segments: tuple[Slice, ...]
    folded_segments: int  #: values that the segment "Other" stands for
    error_patterns: tuple[Slice, ...]  #: shares are of all who reached the stage; the last is nothing failed
    time_analysis: TimeAnalysis
    common_reasons: tuple[Reason, ...]  #: the most frequent first
    finding: str  #: one plain sentence

    @property
    def worst_segment_share(self) -> float | None:
        """The largest that a segment with enough sessions loses at a stage; None when all lose alike."""
        cells = [cell for one in self.segments for cell in one.cells if not cell.is_few]
        shares = {cell.rate.share for cell in cells if cell.rate.share is not None}
        return max(shares) if len(shares) > 1 else None

    def to_rows(self) -> list[list[Cell]]:
        """A header, and a row for each cell of each map."""
        maps: list[tuple[str, tuple[Slice, ...] | tuple[HourOfWeek, ...]]] = [
            ("all", (self.all_segments,)),
            ("segment", self.segments),
            ("error_pattern", self.error_patterns),
            ("hour_of_week", self.time_analysis.hours),
        ]
        rows = [
            _row(name, one.label, stage, cell)
            for name, slices in maps
            for one in slices
            for stage, cell in zip(self.stages, one.cells, strict=True)
        ]
        return [list(_COLUMNS), *rows]


_COLUMNS = (
    *("map", "row", "stage", "reached", "dropped", "share", "low", "high"),
    *("blocked", "left", "open", "too_few"),
)


def _row(name: str, label: str, stage: str, cell: DropOff) -> list[Cell]:
    rate = cell.rate
    shares: list[Cell] = [rate.of, rate.count, rate.share, rate.low, rate.high]
    return [name, label, stage, *shares, cell.blocked, cell.left, cell.open, cell.is_few]
