"""The cards of the Drop-off page but its maps, each a rendering of one part of the same HeatmapView."""

from typing import Any

import pandas as pd
import streamlit as st

from analytics.views.heatmap_records import HeatmapView, Reason
from pages import _heatmap_charts, _states
from pages._sessions import Links
from pages._words import count, percent

_COLUMNS: dict[str, Any] = {
    "map": "Map",
    "row": "Row",
    "stage": "Stage",
    "reached": st.column_config.NumberColumn("Reached", format="localized"),
    "dropped": st.column_config.NumberColumn("Dropped off", format="localized"),
    "share": st.column_config.NumberColumn("Share", format="percent"),
    "low": st.column_config.NumberColumn("95% from", format="percent"),
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
            help=f"Blocked or left. 95% interval {percent(view.incomplete.low)} to "
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
