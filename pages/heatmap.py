"""Where sessions drop off: by stage and hour of the week, segment and failed task, and the common reasons."""

import streamlit as st

from analytics.views.heatmap import HEATMAP
from infra.access.roles import Permission
from pages import (
    _access,
    _downloads,
    _footer,
    _funnel_states,
    _heatmap_cards,
    _heatmap_hours,
    _heatmap_slices,
    _page_head,
    _resources,
    _sessions,
    _states,
)
from pages._words import ago, days

with _states.failures_shown("The drop-offs"):
    person = _access.enter(Permission.READ_FUNNELS)
head = _page_head.head("Drop-off")

with _states.failures_shown("The drop-offs"):
    asked, _ = _page_head.asked(person, head)
    with st.skeleton(height=430):
        answer = _resources.funnels().view(
            person, HEATMAP, asked.definition, asked.question, now=_resources.now()
        )
view = answer.view
links = _sessions.links_for(person, asked.definition, asked.question)

fresh = f" · updated {ago(answer.synced_at, _resources.now())}" if answer.synced_at else ""
head.subtitle.html(f'<div class="sub">{days(view.period.first, view.period.last)}{fresh}</div>')
if view.entered == 0:
    _funnel_states.nobody()
head.export.html(_downloads.of_view("drop-off-heatmap", asked.definition, asked.question))

_heatmap_cards.numbers(view)
_states.note(view.finding)
with st.container(border=True, key="card_hours"):
    _heatmap_hours.hours(view, links)
left, right = st.columns(2, gap="small")
with left, st.container(border=True, key="card_segments", height="stretch"):
    _heatmap_slices.segments(view, links)
with right, st.container(border=True, key="card_patterns", height="stretch"):
    _heatmap_slices.patterns(view, links)
with st.container(border=True, key="card_reasons"):
    _heatmap_cards.reasons(view, links)
with st.container(border=True, key="card_table"):
    _heatmap_cards.table(view)
_footer.footer(
    answer,
    "A drop-off is a session that is blocked or has left. Shares are of those who reached the stage and "
    "carry a 95% Wilson interval; cells with fewer than 30 sessions that are not open stay grey.",
)
