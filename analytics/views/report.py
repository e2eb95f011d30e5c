"""The funnel under the names that clients of its REST path know, with what is recommended."""

from dataclasses import dataclass

from analytics.advice.records import Recommendation
from analytics.queries import Asked, Reader
from analytics.views.funnel import funnel_view
from analytics.views.kinds import Cell, ViewKind
from analytics.views.recommendations import recommendations_view
from analytics.views.records import StepView


@dataclass(frozen=True, slots=True)
class FunnelReport:
    total_sessions: int  #: `entered` of the FunnelView
    overall_conversion_rate: float | None  #: its observed share
    stages: tuple[StepView, ...]  #: its steps
    recommendations: tuple[Recommendation, ...]

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row for each stage."""
        rows: list[list[Cell]] = [["stage", "reached"]]
        return rows + [[stage.label, stage.reached] for stage in self.stages]


def funnel_report(reader: Reader, asked: Asked) -> FunnelReport:
    """Raises as Reader.ask."""
    view = funnel_view(reader, asked)
    advice = recommendations_view(reader, asked)
    return FunnelReport(view.entered, view.observed.share, view.steps, advice.recommendations)


REPORT = ViewKind("funnel_report", FunnelReport, funnel_report)
