"""The sessions behind a number, as its link says: exactly those that it counts, each with its own history."""

from html import escape
from typing import NoReturn

import streamlit as st

from analytics import definitions
from analytics.session_query import SessionQuery
from analytics.sessions import SessionPage
from infra.access.roles import Permission
from pages import _access, _downloads, _resources, _session, _session_row, _sessions_words, _states
from pages._words import count

ROWS = 25

with _states.failures_shown("The sessions"):
    person = _access.enter(Permission.READ_SESSIONS)


def address() -> SessionQuery:
    return SessionQuery.from_pairs(
        (name, value) for name in st.query_params for value in st.query_params.get_all(name)
    )


def nothing_chosen() -> NoReturn:
    with st.container(border=True, key="card_nothing_chosen"):
        _states.state("No number is chosen", "Click a bar, a cell or a count on another page.")
        with st.container(horizontal=True, horizontal_alignment="center"):
            if st.button("Open the funnel", icon=":material/filter_alt:", type="primary", key="open_funnel"):
                st.switch_page("funnel.py")
        st.space("medium")
    st.stop()


def newer(following: str) -> None:
    st.session_state.setdefault("pages_before", []).append(st.query_params.get("after", ""))
    st.query_params["after"] = following


def older() -> None:
    before = st.session_state.get("pages_before")
    after = before.pop() if before else ""
    if after:
        st.query_params["after"] = after
    else:
        st.query_params.pop("after", None)


def paging(page: SessionPage) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        if "after" in st.query_params:
            label = "Older" if st.session_state.get("pages_before") else "Oldest"
            st.button(label, icon=":material/chevron_left:", key="older", on_click=older)
        if page.next:
            st.button(
                "Newer", icon=":material/chevron_right:", key="newer", on_click=newer, args=(page.next,)
            )


def open_session(session_id: str) -> None:
    st.query_params["session"] = session_id


title, subtitle = st.empty(), st.empty()
title.title("Sessions", anchor=False)
with _states.failures_shown("The sessions"):
    query = address()
    if not query.name:
        nothing_chosen()
    definition = query.applied_to(definitions.latest(_resources.engine(), query.name).definition)
    with st.skeleton(height=430):
        asked = (person, definition, query.question, query.selection)
        now = _resources.now()
        total = _resources.funnels().count_sessions(*asked, now=now)
        page = _resources.funnels().sessions(*asked, now=now, after=st.query_params.get("after"), limit=ROWS)
    chosen = _sessions_words.selection(query.selection, definition, query.question)
title.title(f"{count(total)} {'session' if total == 1 else 'sessions'}", anchor=False)
subtitle.html(
    f'<div class="sub"><b>{escape(chosen)}</b><br>{escape(_sessions_words.asked(definition, query.question))}'
    f"</div>{_downloads.of_table('sessions', query.to_pairs(), of='of all')}"
    f"{_downloads.of_table('session-events', query.to_pairs(), of='of their events')}"
)

with st.container(border=True, key="card_sessions"):
    if not page.sessions:
        _states.state("Nobody here", "No session matches, or those that did have moved on since.")
        st.space("medium")
    for at, row in enumerate(page.sessions):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row_{at}"):
            _session_row.text(row, query.question.zone)
            _session_row.badge(row.outcome)
            st.button(
                "Open", key=f"open_{at}", help=row.session_id, on_click=open_session, args=(row.session_id,)
            )
    paging(page)
st.caption(f"By the day on which they began, the oldest first. Times are those of {query.question.zone}.")
if opened := st.query_params.get("session"):
    _session.drawer(opened, definition, query.question)
