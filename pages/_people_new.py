"""The dialog that makes an account, and shows its link once when it has no password."""

import streamlit as st

from infra.access import accounts
from infra.access.passwords import SHORTEST
from infra.access.roles import Permission, Person, new_person
from pages import _access, _people_link, _people_words, _resources, _states

_MADE = "person_made"


@st.dialog("Add a person", width="small", icon=":material/person_add:", on_dismiss="rerun")
def dialog() -> None:
    with _states.failures_shown("This"):
        by = _access.enter(Permission.MANAGE_PEOPLE)
    if made := st.session_state.pop(_MADE, None):
        _people_link.show(made)
        return
    with st.form("person_new", border=False):
        login = st.text_input("Login", key="person_new_login", placeholder="ada@example.com", max_chars=120)
        role = _people_words.choose_role("person_new")
        clients = _people_words.choose_clients("person_new")
        password = st.text_input(
            "Password",
            type="password",
            key="person_new_password",
            autocomplete="new-password",
            help=f"{SHORTEST} characters or more. Without one they sign in by a link, or with your provider.",
        )
        sent = st.form_submit_button("Add", type="primary", width="stretch")
    if sent:
        _add(by, login, role, clients, password)


def _add(by: Person, login: str, role: str, clients: list[str], password: str) -> None:
    try:
        person = new_person(login, role, clients)
        accounts.add(_resources.engine(), by, person, password or None, now=_resources.now())
    except _states.REFUSED as error:
        st.warning(_states.refusal(error), icon=":material/front_hand:")
        return
    if password:
        st.toast(f"{person.login} may sign in.", icon=":material/check:")
        st.rerun()
    st.session_state[_MADE] = person
    st.rerun(scope="fragment")
