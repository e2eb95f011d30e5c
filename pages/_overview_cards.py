"""The parts of the Overview, each a rendering of one part of the same RealtimeView."""

from collections.abc import Sequence

import streamlit as st

from analytics.advice.records import Recommendation
from analytics.funnels import FunnelDefinition
from analytics.question import Question
from analytics.views.realtime import RealtimeView
from infra.access.roles import Permission, Person
from pages import _charts, _funnel_cards, _overview_numbers, _period, _recommendation_cards, _states
from pages._sessions import Way
from pages._words import count


def next_steps(
    view: RealtimeView, worded: Sequence[Recommendation], by: Person, definition: FunnelDefinition
) -> None:
    """The recommendations that would bring most."""
    _states.card_head(
        "What to do next",
        f"By what it would bring; from those who entered {_overview_numbers.advice_days(view)}",
    )
    if view.waiting_sessions:
        _waiting(view.waiting_sessions, letters_shown=by.may(Permission.READ_LETTERS))
    if worded:
        reader = _recommendation_cards.Reader(by, definition, Question())
        _recommendation_cards.briefs(worded, reader)
    else:
        _states.note(f"Nothing is supported by the data of these days: {view.advice}")
    st.page_link(
        "recommendations.py",
        label="All recommendations",
        icon=":material/lightbulb:",
        query_params={"funnel": st.session_state["funnel"], "period": _period.DEFAULT},
    )


def _waiting(sessions: int, *, letters_shown: bool) -> None:
    """The one thing that is certain to help: people stand still for a reason of ours."""
    wait = "1 session waits" if sessions == 1 else f"{count(sessions)} sessions wait"
    _states.note(f"{wait} behind a task of ours that failed: retry it, and they can go on.")
    if letters_shown:
        st.page_link("dead_letters.py", label="Open the dead letters", icon=":material/mark_email_unread:")


def stages(view: RealtimeView, to: Way) -> None:
    _states.card_head("Stages", "Sessions that entered in the last 24 hours")
    _charts.funnel(_funnel_cards.bars(view.stages, to), f"Stages of {view.title}, last 24 hours")
