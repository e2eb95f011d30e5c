"""Two cards of the Funnel page: where most is lost and how bad that is, and the cohorts by week of entry."""

from html import escape

import pandas as pd
import streamlit as st

from analytics.views.drop_offs import AVOIDABLE
from analytics.views.records import CohortWeek, DropOffPoint, FunnelView
from pages import _numbers, _states
from pages._sessions import Way, linked, nowhere
from pages._words import count, percent


def points(view: FunnelView, to: Way = nowhere) -> None:
    _states.card_head(
        "Where most is lost",
        f"By sessions lost; what the best segment avoids by {AVOIDABLE * 100:.0f} points weighs twice",
    )
    rows = "".join(_point(point, to) for point in view.top_drop_off_points)
    st.html(f'<ol class="losses">{rows}</ol>')


def _point(point: DropOffPoint, to: Way) -> str:
    where = f"{escape(point.label)} → {escape(point.before)}"
    lost = linked(f"{count(point.sessions_lost)} sessions", to(stopped=point.step, outcome="gone"))
    blocked = f", {count(point.blocked)} of them behind a failed task" if point.blocked else ""
    best = ""
    if point.best_segment is not None:
        best = f" · {escape(point.best_segment)} loses {percent(point.best_segment_loss)}"
    return (
        f'<li><i class="severity {point.severity}">{point.severity}</i><div><b>{where}</b>'
        f"<small>{lost} lost, {percent(point.loss)} of those who got there{blocked}{best}</small></div></li>"
    )


def weeks(view: FunnelView) -> None:
    _states.card_head("By week of entry", "Weeks from Monday; the first and last may be cut by the period")
    frame = pd.DataFrame([_week(week) for week in view.cohort_analysis])
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="–",
        key="weeks",
        alt=f"Cohorts of {view.title} by week of entry",
        column_config={
            "week": "Week from",
            "entered": _numbers.count_column("Entered"),
            "converted": _numbers.count_column("Converted"),
            "open": _numbers.count_column("Open"),
            "settled": _numbers.percent_column("Conversion without open"),
            "low": _numbers.percent_column("95% from"),
            "high": _numbers.percent_column("to"),
        },
    )


def _week(week: CohortWeek) -> dict[str, object]:
    return {
        "week": week.week,
        "entered": week.entered,
        "converted": week.converted,
        "open": week.open,
        "settled": week.settled.share,
        "low": week.settled.low,
        "high": week.settled.high,
    }
