"""People: who may sign in, with which role, and the sessions and tokens that are open now."""

import streamlit as st

from infra.access.roles import Permission
from pages import (
    _access,
    _downloads,
    _people_changes,
    _people_list,
    _people_person,
    _people_sessions,
    _states,
    _tokens_list,
)

with _states.failures_shown("The people"):
    _access.enter(Permission.MANAGE_PEOPLE)
    with st.container(gap=None):
        st.title("People", anchor=False)
        st.html('<div class="sub">Who may sign in, what each may see, and what is signed in now.</div>')
    login = st.query_params.get("person")
    if not login:
        _people_changes.refused()
    with st.container(border=True, key="card_people"):
        _people_list.show()
        st.html(_downloads.of_table("people"))
    with st.container(border=True, key="card_tokens"):
        _tokens_list.show()
        st.html(_downloads.of_table("tokens"))
    with st.container(border=True, key="card_open_sessions"):
        _people_sessions.show()
    if login:
        _people_person.drawer(login)
