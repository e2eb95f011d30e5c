"""Where people stop: one funnel over a period, what was lost at each step, and what became of it."""

import streamlit as st

from analytics.views.funnel import FUNNEL
from infra.access.roles import Permission
from pages import (
    _access,
    _downloads,
    _drop_off_cards,
    _footer,
    _funnel_cards,
    _funnel_numbers,
    _funnel_states,
    _page_head,
    _resources,
    _sessions,
    _states,
    _trend_cards,
)

with _states.failures_shown("The funnel"):
    person = _access.enter(Permission.READ_FUNNELS)
head = _page_head.head()

with _states.failures_shown("The funnel"):
    asked, _ = _page_head.asked(person, head, attribution=True)
    head.title.title(asked.definition.title or asked.definition.name, anchor=False)
    with st.skeleton(height=430):
        answer = _resources.funnels().view(
            person, FUNNEL, asked.definition, asked.question, now=_resources.now()
        )
view = answer.view
links = _sessions.links_for(person, asked.definition, asked.question)

head.subtitle.html(f'<div class="sub">{_funnel_numbers.subtitle(answer, _resources.now())}</div>')
if view.entered == 0:
    _funnel_states.nobody()
head.export.html(_downloads.of_view("funnel", asked.definition, asked.question))

_funnel_numbers.numbers(view)
left, right = st.columns([1.55, 1], gap="small")
with left, st.container(border=True, key="card_steps", height="stretch"):
    _funnel_cards.steps(view, links.to)
with right, st.container(border=True, key="card_outcomes", height="stretch"):
    _funnel_cards.outcomes(view, links.to, letters_shown=person.may(Permission.READ_LETTERS))
if view.groups:
    with st.container(border=True, key="card_groups"):
        _funnel_cards.groups(view, links.to)
left, right = st.columns([1.55, 1], gap="small")
with left:
    _trend_cards.trend(person, asked.definition, asked.question)
with right:
    _trend_cards.time_to_convert(person, asked.definition, asked.question)
if view.top_drop_off_points:
    with st.container(border=True, key="card_drop_offs"):
        _drop_off_cards.points(view, links.to)
if len(view.cohort_analysis) > 1:
    with st.container(border=True, key="card_weeks"):
        _drop_off_cards.weeks(view)
with st.container(border=True, key="card_table"):
    _funnel_cards.table(view)
if person.may(Permission.MANAGE_SETTINGS):
    st.page_link(
        "settings.py", label="Edit this funnel", icon=":material/edit:", query_params={"edit": view.name}
    )
_footer.footer(
    answer, "Counts and averages are exact, medians within 1%. Conversion carries a 95% Wilson interval."
)
