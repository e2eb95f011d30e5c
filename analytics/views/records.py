"""The records of a funnel's answer, and their renderings as JSON and as rows.

Numbers stay numbers: shares are floats from 0 to 1, times are seconds, days and moments keep their types.
`views.py` derives every one of them; formatting is the edge's work.
"""

import datetime as dt
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from analytics.rates import Rate
from analytics.records import plain
from analytics.views.kinds import Cell


@dataclass(frozen=True, slots=True)
class Period:
    first: dt.date  #: of the asked zone
    last: dt.date  #: included
    days: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the sessions; the four add up to those that entered, or that got exactly this far."""

    converted: int
    blocked: int
    open: int
    left: int


@dataclass(frozen=True, slots=True)
class OutcomeShares:
    """The same as shares of those who entered; all None when nobody did."""

    converted: float | None
    blocked: float | None
    open: float | None
    left: float | None


@dataclass(frozen=True, slots=True)
class StepView:
    name: str  #: its events, joined with |
    label: str
    reached: int
    share_of_entered: float | None
    share_of_previous: float | None  #: of the step before that is not optional; None at the first step
    lost_here: int  #: got exactly this far; 0 at the last
    gone_here: int  #: of these, those who are not open: they will not arrive any more
    loss: float | None  #: gone_here / reached; None at the last step, and where nobody came
    loss_before: float | None  #: the loss of the step before: who is gone instead of here; None at the first
    stopped: Outcomes  #: what became of those who got exactly this far; all converted at the last step
    median_seconds: float | None  #: from the step before, zero gaps left out; None at the first step
    average_seconds: float | None
    previous_reached: int | None  #: in the previous period
    previous_share_of_entered: float | None


@dataclass(frozen=True, slots=True)
class GroupView:
    """One row of the breakdown."""

    value: str  #: "" is missing, "Other" holds what is beyond the limit
    label: str
    entered: int
    converted: int
    observed: Rate
    settled: Rate
    outcomes: Outcomes
    median_seconds: float | None  #: from entry to the last step
    average_seconds: float | None
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True)
class DailyPoint:
    day: dt.date  #: of entry, in the asked zone
    entered: int
    converted: int
    open: int  #: of those who entered, still inside their window
    share: float | None  #: converted / entered


@dataclass(frozen=True, slots=True)
class PreviousView:
    """The period of equal length just before."""

    period: Period
    entered: int
    converted: int
    observed: Rate
    settled: Rate
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """This period against the previous one. A difference of shares is a share: 0.01 is one point."""

    entered: float | None  #: how much more, as a share of before; None when nobody entered before
    converted: float | None  #: likewise; None also while open sessions may still undo a drop
    observed_share: float | None  #: difference of the observed rates: falls while sessions are open
    settled_share: float | None  #: difference of the settled rates: open sessions move it neither way
    trend: str  #: of conversion, as in a comparison: improving, stable, declining or too few to tell
    median_seconds: float | None  #: difference


@dataclass(frozen=True, slots=True)
class DropOffPoint:
    step: int  #: numbered from 0; they stopped after it
    label: str
    before: str  #: label of the step that they did not take
    sessions_lost: int  #: stopped here, open sessions not among them
    loss: float  #: of those who took the step
    share_of_entered: float
    blocked: int  #: of the lost, those behind a task of ours that died
    best_segment: str | None  #: None without a breakdown, or with too few sessions in every segment
    best_segment_loss: float | None
    severity: str  #: critical, high, medium or low; see drop_offs.py


@dataclass(frozen=True, slots=True)
class CohortWeek:
    week: dt.date  #: its Monday; the first and last week may be cut by the period
    entered: int
    converted: int
    open: int
    observed: Rate
    settled: Rate
    got_to: tuple[int, ...]  #: sessions that got at least as far as each step


@dataclass(frozen=True, slots=True)
class FunnelView:
    """The whole answer. Every number of a page, a CSV or a REST answer is one of these."""

    name: str
    title: str
    zone: str
    window_seconds: int
    order: str
    period: Period
    entered: int
    converted: int
    observed: Rate  #: converted / entered
    settled: Rate  #: converted / (entered - open)
    outcomes: Outcomes
    outcome_shares: OutcomeShares
    median_seconds: float | None  #: from entry to the last step
    average_seconds: float | None
    steps: tuple[StepView, ...]
    top_drop_off_points: tuple[DropOffPoint, ...]
    cohort_analysis: tuple[CohortWeek, ...]  #: by week of entry
    finding: str  #: one plain sentence
    previous: PreviousView | None  #: None when no range was asked for
    changes: Changes | None  #: None without a previous period, or when nobody entered in it
    breakdown: str | None  #: the dimension
    breakdown_label: str | None
    groups: tuple[GroupView, ...]
    breakdown_finding: str  #: one plain sentence; "" without a breakdown, or with too little in it
    folded_values: int  #: values that the row "Other" stands for
    daily: tuple[DailyPoint, ...]
    newest_event: dt.datetime | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; days and moments as ISO 8601."""
        body: dict[str, Any] = plain(self)
        return body

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row per step, for everybody and then for each breakdown value."""
        rows: list[list[Cell]] = [["breakdown", "value", *_COLUMNS]]
        rows += [_row("", "", step) for step in self.steps]
        for group in self.groups:
            rows += [_row(self.breakdown or "", group.label, step) for step in group.steps]
        return rows


_COLUMNS = {
    "step": attrgetter("label"),
    "events": attrgetter("name"),
    "reached": attrgetter("reached"),
    "share_of_entered": attrgetter("share_of_entered"),
    "share_of_previous": attrgetter("share_of_previous"),
    "lost_here": attrgetter("lost_here"),
    "gone_here": attrgetter("gone_here"),
    "loss": attrgetter("loss"),
    "blocked_here": attrgetter("stopped.blocked"),
    "open_here": attrgetter("stopped.open"),
    "left_here": attrgetter("stopped.left"),
    "median_seconds": attrgetter("median_seconds"),
    "average_seconds": attrgetter("average_seconds"),
    "previous_reached": attrgetter("previous_reached"),
    "previous_share_of_entered": attrgetter("previous_share_of_entered"),
}


def _row(breakdown: str, value: str, step: StepView) -> list[Cell]:
    return [breakdown, value, *(cell(step) for cell in _COLUMNS.values())]
