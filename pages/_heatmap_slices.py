"""The cards of drop-offs by segment and by failed task."""

import streamlit as st

from analytics.sessions import GONE
from analytics.views.heatmap_records import HeatmapView, Slice
from pages import _heatmap_charts, _states
from pages._heatmap_charts import Cell, Row
from pages._heatmap_words import title
from pages._sessions import Links
from pages._words import count


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
    return Cell(said, cell.rate.share, cell.is_few, is_worst, title(one.label, cell), address)


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
    return Cell(said, cell.rate.share, cell.is_few, False, title(one.label, cell), address)
