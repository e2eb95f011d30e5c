"""The cards of the Cohorts page, each a rendering of one part of the same CohortsView."""

from typing import Any

import streamlit as st

from analytics.sessions import GONE
from analytics.views.cohort_records import CohortsView, Segment, SegmentStep
from pages import _charts, _cohort_charts, _numbers, _states
from pages._sessions import Links
from pages._words import count

_MEANING = (
    "Every session is in one segment. The settled rate is converted / (entered - open), with its 95% Wilson "
    "interval. The difference has Newcombe's interval; p is of the two-proportion test, corrected for all "
    "tests of this page (Benjamini-Hochberg); different means p below 0.05. With fewer than 30 settled "
    "sessions on a side it is too few to tell. Median and average are over those who converted; half "
    "converted is over everybody, open sessions counted while they were watched (Kaplan-Meier)."
)
_COLUMNS: dict[str, Any] = {
    "segment": "Segment",
    "entered": _numbers.count_column("Entered"),
    "converted": _numbers.count_column("Converted"),
    "blocked": _numbers.count_column("Blocked"),
    "open": _numbers.count_column("Open"),
    "left": _numbers.count_column("Left"),
    "observed": _numbers.percent_column("Observed"),
    "settled": _numbers.percent_column("Settled"),
    "settled_low": _numbers.percent_column("95% from"),
    "settled_high": _numbers.percent_column("to"),
    "difference": _numbers.points_column("Difference"),
    "difference_low": _numbers.points_column("95% from"),
    "difference_high": _numbers.points_column("to"),
    "p_value": _numbers.p_value_column("p, corrected"),
    "verdict": st.column_config.TextColumn("Verdict", width=110),
    "median_seconds": _numbers.count_column("Median, s"),
    "average_seconds": _numbers.count_column("Average, s"),
    "half_converted_seconds": _numbers.count_column("Half converted, s"),
}


def findings(view: CohortsView) -> None:
    _states.card_head("What the segments show", "Only what is more than chance")
    for sentence in view.insights:
        _states.note(sentence)
    if not view.insights:
        st.caption("Nothing: no segment differs by more than chance, or there are too few sessions to tell.")
    if view.open:
        st.caption(f"{count(view.open)} sessions are still open; rates are taken without them.")


def segments(view: CohortsView, links: Links) -> None:
    _states.card_head(f"Conversion by {view.by_label.lower()}", "Settled rate with its 95% interval")
    _cohort_charts.segments(view, links)
    if view.folded_values:
        st.caption(f"Other stands for {count(view.folded_values)} further values.")


def curves(view: CohortsView) -> None:
    _states.card_head("Time to convert", "Share converted since entry; open sessions are not counted as lost")
    _cohort_charts.curves(view)
    st.caption(f"Log-rank test over all segments with enough sessions: {view.speed.verdict}.")


def steps(view: CohortsView, links: Links) -> None:
    _states.card_head(
        "Where each segment loses",
        "Share of those at the step before who stopped, open ones left out; grey rows have too few to tell",
    )
    rows = [
        _charts.HeatRow(
            one.label,
            one.entered,
            one.settled.of,
            tuple(step.loss for step in one.steps),
            tuple(_lost(one, step, links) for step in one.steps),
        )
        for one in view.segments
    ]
    _charts.heat([step.label for step in view.segments[0].steps], rows)


def _lost(one: Segment, step: SegmentStep, links: Links) -> str | None:
    if step.lost_at is None:
        return None
    return links.to(stopped=step.lost_at, outcome=GONE, **_cohort_charts.selected(one))


def table(view: CohortsView) -> None:
    reached = {f"reached {step.label}": step.label for step in view.segments[0].steps}
    _states.card_head("The numbers", "What the charts show, to read, sort and copy")
    _numbers.table(
        view,
        key="cohorts",
        meaning=_MEANING,
        columns={**_COLUMNS, **{name: _numbers.percent_column(label) for name, label in reached.items()}},
    )
