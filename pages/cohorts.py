"""Which kinds of sessions do better: segments side by side, and which differences are more than chance."""

from dataclasses import replace

import streamlit as st

from analytics.views.cohorts import COHORTS, ENTRY_WEEK
from infra.access.roles import Permission
from pages import (
    _access,
    _cohort_cards,
    _cohort_choice,
    _downloads,
    _footer,
    _funnel_states,
    _page_head,
    _resources,
    _sessions,
    _states,
)
from pages._words import ago, count, days

with _states.failures_shown("The cohorts"):
    person = _access.enter(Permission.READ_FUNNELS)
head = _page_head.head("Cohorts")

with _states.failures_shown("The cohorts"):
    asked, _ = _page_head.asked(person, head, breakdown=False)
    with head.controls:
        dimension = _cohort_choice.dimension(person, asked.definition)
        reference = _cohort_choice.reference(person, asked.definition, dimension)
    with st.skeleton(height=430):
        answer = _resources.funnels().view(
            person,
            COHORTS,
            asked.definition,
            asked.question,
            now=_resources.now(),
            dimension=dimension,
            reference=reference,
        )
view = answer.view

updated = f" · updated {ago(answer.synced_at, _resources.now())}" if answer.synced_at else ""
period = days(view.period.first, view.period.last)
head.subtitle.html(f'<div class="sub">{period} · {count(view.entered)} sessions entered{updated}</div>')
if not view.segments:
    _funnel_states.nobody()

head.export.html(
    _downloads.of_view("cohorts", asked.definition, asked.question, dimension=dimension, reference=reference)
)

breakdown = () if dimension == ENTRY_WEEK else (dimension,)
links = _sessions.links_for(person, asked.definition, replace(asked.question, breakdown=breakdown))
with st.container(border=True, key="card_findings"):
    _cohort_cards.findings(view)
left, right = st.columns([1.3, 1], gap="small")
with left, st.container(border=True, key="card_segments", height="stretch"):
    _cohort_cards.segments(view, links)
with right, st.container(border=True, key="card_curves", height="stretch"):
    _cohort_cards.curves(view)
with st.container(border=True, key="card_steps"):
    _cohort_cards.steps(view, links)
with st.container(border=True, key="card_table"):
    _cohort_cards.table(view)
_footer.footer(answer)
