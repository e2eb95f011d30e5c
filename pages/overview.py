"""The last 24 hours and what to do next, on one screen. Refreshes by itself."""

import streamlit as st

from analytics.funnels import FunnelDefinition
from analytics.question import Question
from analytics.span import most_recent
from analytics.views.realtime import REALTIME, last_day
from infra.access.roles import Permission
from pages import (
    _access,
    _downloads,
    _footer,
    _funnel_choice,
    _funnel_states,
    _overview_cards,
    _overview_numbers,
    _page_head,
    _resources,
    _sessions,
    _states,
)
from pages._words import clock_time

REFRESH_SECONDS = 5.0

with _states.failures_shown("The overview"):
    person = _access.enter(Permission.READ_FUNNELS)
head = _page_head.head("Overview")


@st.fragment(run_every=REFRESH_SECONDS)
def live(definition: FunnelDefinition) -> None:
    now = _resources.now()
    with _states.failures_shown("The overview"):
        by = _access.enter(Permission.READ_FUNNELS)
        with st.skeleton(height=430):
            asked = last_day(now)
            answer = _resources.funnels().view(by, REALTIME, definition, asked, now=now)
        view = answer.view
        worded = _resources.wording().reworded(view.recommendations)
    st.html(
        '<div class="sub">The last 24 hours · as of '
        f"{clock_time(view.real_time.last_updated)} · refreshes by itself</div>"
    )
    if not view.real_time.total_sessions:
        _overview_numbers.quiet(view, by)
        with st.container(border=True, key="card_next"):
            _overview_cards.next_steps(view, worded, by, definition)
        return
    _overview_numbers.numbers(view)
    left, right = st.columns([1.25, 1], gap="small")
    with left, st.container(border=True, key="card_next", height="stretch"):
        _overview_cards.next_steps(view, worded, by, definition)
    with right, st.container(border=True, key="card_stages", height="stretch"):
        _overview_cards.stages(view, _sessions.links_for(by, definition, asked).to)
    st.html(_downloads.of_view("realtime", definition, Question(), of="of the last 24 hours"))
    _footer.footer(answer)


with _states.failures_shown("The overview"):
    definitions = _resources.definitions()
    if not definitions:
        _funnel_states.no_definition(person)
    with head.controls:
        chosen = _funnel_choice.choose(definitions, most_recent(_resources.engine(), definitions))
live(chosen)
