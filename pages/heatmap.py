"""Where sessions drop off: by stage and hour of the week, segment and failed task, and the common reasons."""

import streamlit as st

from analytics.span import span
from analytics.spreadsheet import csv_blocks
from analytics.views.heatmap import HEATMAP
from infra.access.roles import Permission
from pages import (
    _access,
    _filters,
    _footer,
    _funnel_choice,
    _funnel_states,
    _heatmap_cards,
    _live,
    _period,
    _resources,
    _sessions,
    _states,
)
from pages._words import ago, days

with _states.failures_shown("The drop-offs"):
    person = _access.enter(Permission.READ_FUNNELS)
engine = _resources.engine()

with st.container(
    horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", key="page_head"
):
    with st.container(width="content", gap=None):
        st.title("Drop-off", anchor=False)
        subtitle = st.empty()
    controls = st.container(horizontal=True, width="content", vertical_alignment="center", gap="xsmall")

with _states.failures_shown("The drop-offs"):
    definitions = _resources.definitions()
    if not definitions:
        _funnel_states.no_definition()
    with controls:
        definition = _funnel_choice.choose(definitions)
    available = span(engine, definition)
    if available is None:
        _funnel_states.nothing_yet(definition)
    with controls:
        asked = _filters.asked(definition, _period.choose(available))
        export = st.empty()
    _live.watch(definition, available)
    with st.skeleton(height=430):
        answer = _resources.funnels().view(
            person, HEATMAP, asked.definition, asked.question, now=_resources.now()
        )
view = answer.view
links = _sessions.links_for(person, asked.definition, asked.question)

fresh = f" · updated {ago(answer.synced_at, _resources.now())}" if answer.synced_at else ""
subtitle.html(f'<div class="sub">{days(view.period.first, view.period.last)}{fresh}</div>')
if view.entered == 0:
    _funnel_states.nobody()
export.download_button(
    "CSV",
    "".join(csv_blocks(view.to_rows())),
    file_name=f"{view.name}-drop-off-{view.period.first}-{view.period.last}.csv",
    mime="text/csv",
    icon=":material/download:",
    key="csv",
)

_heatmap_cards.numbers(view)
_states.note(view.finding)
with st.container(border=True, key="card_hours"):
    _heatmap_cards.hours(view, links)
left, right = st.columns(2, gap="small")
with left, st.container(border=True, key="card_segments", height="stretch"):
    _heatmap_cards.segments(view, links)
with right, st.container(border=True, key="card_patterns", height="stretch"):
    _heatmap_cards.patterns(view, links)
with st.container(border=True, key="card_reasons"):
    _heatmap_cards.reasons(view, links)
with st.container(border=True, key="card_table"):
    _heatmap_cards.table(view)
_footer.footer(
    answer,
    "A drop-off is a session that is blocked or has left. Shares are of those who reached the stage and "
    "carry a 95 % Wilson interval; cells with fewer than 30 sessions that are not open stay grey.",
)
