"""What goes with converting and what with leaving: values of properties, or events on the way."""

import streamlit as st

from analytics.views.correlation import CORRELATION
from infra.access.roles import Permission
from pages import (
    _access,
    _correlation_cards,
    _downloads,
    _footer,
    _funnel_states,
    _numbers,
    _page_head,
    _resources,
    _sessions,
    _states,
)
from pages._words import ago, count, days

KINDS = {"Properties": "properties", "Events": "events"}

with _states.failures_shown("The correlation"):
    person = _access.enter(Permission.READ_FUNNELS)
head = _page_head.head("Correlation")

with _states.failures_shown("The correlation"):
    asked, _ = _page_head.asked(person, head, breakdown=False)
    with head.controls:
        kind = st.segmented_control(
            "Of what",
            list(KINDS),
            default="Properties",
            key="kind",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
        )
    with st.skeleton(height=430):
        answer = _resources.funnels().view(
            person,
            CORRELATION,
            asked.definition,
            asked.question,
            now=_resources.now(),
            kind=KINDS[kind],
        )
view = answer.view

updated = f" · updated {ago(answer.synced_at, _resources.now())}" if answer.synced_at else ""
compared = f"{count(view.outcomes.converted)} converted, {count(view.outcomes.left)} left"
head.subtitle.html(
    f'<div class="sub">{days(view.period.first, view.period.last)} · {compared}{updated}</div>'
)
if not any((view.outcomes.converted, view.outcomes.left, view.outcomes.open, view.outcomes.blocked)):
    _funnel_states.nobody()
head.export.html(_downloads.of_view("correlation", asked.definition, asked.question, kind=KINDS[kind]))

_states.note(view.finding)
with st.container(border=True, key="card_factors"):
    links = _sessions.links_for(person, asked.definition, asked.question)
    _correlation_cards.factors(view, links)
with st.expander("The numbers, and how they are counted", key="how"):
    _numbers.table(view, key="correlation", meaning=view.meaning, columns=_correlation_cards.COLUMNS)
_footer.footer(answer)
