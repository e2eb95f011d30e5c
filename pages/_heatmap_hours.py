"""The card of drop-offs by hour of the week."""

from collections.abc import Collection, Sequence

import streamlit as st

from analytics.sessions import GONE
from analytics.timing import WEEKDAYS
from analytics.views.heatmap_records import HeatmapView, HourOfWeek, WorstHour
from pages import _heatmap_charts, _states
from pages._heatmap_charts import Cell, Row
from pages._heatmap_words import title
from pages._sessions import Links
from pages._words import count, percent

ALL_STAGES = "All stages"
_MOST_WORST_SHOWN = 3


def hours(view: HeatmapView, links: Links) -> None:
    """Seven days of 24 hours, for all stages or one."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(width="content"):
            _states.card_head(
                "By hour of the week",
                f"Drop-offs by the time of their furthest step, {view.zone}. Darker: a larger share of "
                "those who took a step in that hour",
            )
        chosen = st.selectbox(
            "Stage",
            [ALL_STAGES, *dict.fromkeys(view.stages)],
            key="stage",
            bind="query-params",
            label_visibility="collapsed",
            width=220,
        )
    stage = None if chosen == ALL_STAGES else view.stages.index(chosen)
    found = view.time_analysis.hours
    worst = {one.hour for one in view.time_analysis.worst_hours if stage in (None, one.stage)}
    rows = [
        Row(day[:3], "", tuple(_hour(hour, stage, worst, links) for hour in found[at * 24 : at * 24 + 24]))
        for at, day in enumerate(WEEKDAYS)
    ]
    label = f"Drop-offs by hour of the week, {chosen}"
    _heatmap_charts.heat([f"{hour:02}" for hour in range(24)], rows, label, is_dense=True)
    _worst(view.time_analysis.worst_hours, view.time_analysis.tested)


def _hour(hour: HourOfWeek, stage: int | None, worst: Collection[int], links: Links) -> Cell:
    cell = hour.total if stage is None else hour.cells[stage]
    said = str(cell.rate.count) if cell.rate.count else ""
    address = links.to(stopped=stage, outcome=GONE, bin=hour.hour, bins="hour_of_week")
    hint = title(hour.label, cell)
    return Cell(said, cell.rate.share, cell.is_few, hour.hour in worst, hint, address if said else None)


def _worst(found: Sequence[WorstHour], tested: int) -> None:
    if not tested:
        st.caption("Too few sessions in any hour to tell one from the others.")
    elif not found:
        st.caption("No hour loses more than the others beyond chance.")
    for one in found[:_MOST_WORST_SHOWN]:
        _states.note(
            f"{one.label}: {percent(one.rate.share)} of {count(one.rate.of)} stop after {one.stage_label}, "
            f"against {percent(one.rest.share)} at other hours."
        )
