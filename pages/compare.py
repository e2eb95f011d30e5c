"""What changed between two periods: by more than chance or not, at which steps, and for whom."""

from dataclasses import replace

import streamlit as st

from analytics.views.comparison import COMPARISON
from infra.access.roles import Permission
from pages import (
    _access,
    _compare_cards,
    _compare_choice,
    _downloads,
    _footer,
    _funnel_states,
    _page_head,
    _resources,
    _states,
)
from pages._words import ago

with _states.failures_shown("The comparison"):
    person = _access.enter(Permission.READ_FUNNELS)
head = _page_head.head("Compare")

with _states.failures_shown("The comparison"):
    asked, available = _page_head.asked(person, head, breakdown=False)
    with head.controls:
        first, last = _compare_choice.other_days(available) or (None, None)
        breakdown = _compare_choice.explained_by(person, asked.definition)
    question = replace(asked.question, breakdown=breakdown)
    with st.skeleton(height=430):
        answer = _resources.funnels().view(
            person,
            COMPARISON,
            asked.definition,
            question,
            now=_resources.now(),
            first=first,
            last=last,
        )
view = answer.view

updated = f" · updated {ago(answer.synced_at, _resources.now())}" if answer.synced_at else ""
spans = f"{_compare_cards.span(view.period2)} · compared with {_compare_cards.span(view.period1)}"
head.subtitle.html(f'<div class="sub">{spans}{updated}</div>')
if view.period2.entered == 0:
    _funnel_states.nobody()

head.export.html(_downloads.of_view("comparison", asked.definition, question, first=first, last=last))

_compare_cards.numbers(view)
with st.container(border=True, key="card_findings"):
    _compare_cards.findings(view)
left, right = st.columns(2, gap="small") if breakdown else (st.container(), None)
with left, st.container(border=True, key="card_steps", height="stretch"):
    _compare_cards.steps(view)
if right:
    with right, st.container(border=True, key="card_mix", height="stretch"):
        _compare_cards.mix(view)
with st.container(border=True, key="card_table"):
    _compare_cards.table(view)
_footer.footer(answer)
