"""The cards of the Drop-off page, each a rendering of one part of the same HeatmapView."""

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from analytics.sessions import GONE
from analytics.timing import WEEKDAYS
from analytics.views.heatmap_records import DropOff, HeatmapView, HourOfWeek, Reason, Slice, WorstHour
from pages import _heatmap_charts, _states
from pages._heatmap_charts import Cell, Row
from pages._sessions import Links
from pages._words import count, percent

ALL_STAGES = "All stages"
_MOST_WORST_SHOWN = 3
_COLUMNS: dict[str, Any] = {
    "map": "Map",
    "row": "Row",
    "stage": "Stage",
    "reached": st.column_config.NumberColumn("Reached", format="localized"),
    "dropped": st.column_config.NumberColumn("Dropped off", format="localized"),
    "share": st.column_config.NumberColumn("Share", format="percent"),
    "low": st.column_config.NumberColumn("95 % from", format="percent"),
    "high": st.column_config.NumberColumn("to", format="percent"),
    "blocked": st.column_config.NumberColumn("Blocked", format="localized"),
    "left": st.column_config.NumberColumn("Left", format="localized"),
    "open": st.column_config.NumberColumn("Open", format="localized"),
    "too_few": st.column_config.CheckboxColumn("Too few"),
}


def numbers(view: HeatmapView) -> None:
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        st.metric(
            "Incomplete",
            count(view.total_incomplete),
            f"{percent(view.incomplete.share)} of {count(view.entered)} entered",
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
            help=f"Blocked or left. 95 % interval {percent(view.incomplete.low)} to "
            f"{percent(view.incomplete.high)}.",
        )
        st.metric("Left", count(view.left), border=True, height="stretch")
        st.metric(
            "Blocked",
            count(view.blocked),
            border=True,
            height="stretch",
            help="Wait behind a task of ours that died.",
        )
        st.metric(
            "Still open",
            count(view.open),
            border=True,
            height="stretch",
            help="Not drop-offs: their window has not closed. They are in no count on this page but this.",
        )


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
    title = _title(hour.label, cell)
    return Cell(said, cell.rate.share, cell.is_few, hour.hour in worst, title, address if said else None)


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


def segments(view: HeatmapView, links: Links) -> None:
    if not view.segment_label:
        _states.card_head("By segment", "Choose a dimension under Break down by to compare its values")
        return
    _states.card_head(
        f"By {view.segment_label.lower()}", "Share of those who reached the stage and then dropped off"
    )
    worst = view.worst_segment_share
    rows = [
        Row(
            one.label,
            f"{count(one.total.rate.count)} incomplete",
            tuple(_of_segment(one, stage, worst, links) for stage in range(len(view.stages))),
        )
        for one in view.segments
    ]
    _heatmap_charts.heat(view.stages, rows, f"Drop-offs by {view.segment_label}")
    if view.folded_segments:
        st.caption(f"Other stands for {count(view.folded_segments)} further values.")


def _of_segment(one: Slice, stage: int, worst: float | None, links: Links) -> Cell:
    cell = one.cells[stage]
    address = links.to(stopped=stage, outcome=GONE, value=one.value) if cell.rate.count else None
    said = "–" if cell.rate.share is None else f"{cell.rate.share:.0%}"
    is_worst = cell.rate.share == worst
    return Cell(said, cell.rate.share, cell.is_few, is_worst, _title(one.label, cell), address)


def patterns(view: HeatmapView, links: Links) -> None:
    _states.card_head(
        "By failed task", "Drop-offs by the failure they stand behind; darker: more of all at the stage"
    )
    if not any(one.value for one in view.error_patterns):
        st.caption("No session of these days stands behind a failed task.")
        return
    rows = [
        Row(one.label, "", tuple(_of_pattern(one, stage, links) for stage in range(len(view.stages))))
        for one in view.error_patterns
    ]
    _heatmap_charts.heat(view.stages, rows, "Drop-offs by failed task")


def _of_pattern(one: Slice, stage: int, links: Links) -> Cell:
    cell = one.cells[stage]
    address = links.to(stopped=stage, outcome=GONE, pattern=one.value) if cell.rate.count else None
    said = count(cell.rate.count)
    return Cell(said, cell.rate.share, cell.is_few, False, _title(one.label, cell), address)


def _title(label: str, cell: DropOff) -> str:
    rate = cell.rate
    if rate.share is None:
        return f"{label}: nobody came"
    still = f", {count(cell.open)} still open" if cell.open else ""
    few = "; too few to tell" if cell.is_few else ""
    return (
        f"{label}: {count(rate.count)} of {count(rate.of)} dropped off, {percent(rate.share)} (95 % interval "
        f"{percent(rate.low)} to {percent(rate.high)}){still}{few}"
    )


def reasons(view: HeatmapView, links: Links) -> None:
    _states.card_head(
        "Common reasons", "As far as events and failed tasks tell, as a share of all incomplete sessions"
    )
    _heatmap_charts.ranking([_reason(one, links) for one in view.common_reasons])
    if any(one.excess is not None for one in view.common_reasons):
        st.caption(
            "A segment stands by what it loses beyond the others' rate; its sessions have other reasons too."
        )


def _reason(one: Reason, links: Links) -> _heatmap_charts.Ranked:
    note = "" if one.excess is None else f"{count(one.excess)} more than at the rate of all others"
    share = one.share
    return _heatmap_charts.Ranked(
        one.text, share.count, share.share, share.low, share.high, note, links.to_selection(one.sessions)
    )


def table(view: HeatmapView) -> None:
    _states.card_head("The numbers", "What the maps show, to read, sort and copy")
    header, *rows = view.to_rows()
    st.dataframe(
        pd.DataFrame(rows, columns=header),
        hide_index=True,
        placeholder="–",
        key="table",
        height=320,
        alt=f"Drop-offs of {view.title} by stage and hour, segment and failed task",
        column_config=_COLUMNS,
    )
