"""The dialog that makes a token and shows it once."""

import streamlit as st

from infra.access import tokens
from infra.access.roles import Permission, Person, new_person
from pages import _access, _people_words, _resources, _states

_MADE = "token_made"


@st.dialog("New token", width="small", icon=":material/key:", on_dismiss="rerun")
def dialog() -> None:
    with _states.failures_shown("This"):
        by = _access.enter(Permission.MANAGE_PEOPLE)
    if token := st.session_state.pop(_MADE, None):
        _once(token)
        return
    with st.form("token_new_form", border=False):
        name = st.text_input(
            "What it is for",
            key="token_new_name",
            placeholder="Nightly export",
            max_chars=tokens.MAX_NAME_LENGTH,
        )
        login = st.text_input("Acts as login", by.login, key="token_new_login", max_chars=120)
        role = _people_words.choose_role("token_new")
        clients = _people_words.choose_clients("token_new")
        days = st.number_input("Days until it ends", 1, tokens.MAX_DAYS, 90, key="token_new_days")
        sent = st.form_submit_button("Make it", type="primary", width="stretch")
    if sent:
        _make(by, name, login, role, clients, int(days))


def _make(by: Person, name: str, login: str, role: str, clients: list[str], days: int) -> None:
    try:
        stands_for = new_person(login, role, clients)
        token = tokens.create(_resources.engine(), by, stands_for, name, days=days, now=_resources.now())
    except _states.REFUSED as error:
        st.warning(_states.refusal(error), icon=":material/front_hand:")
        return
    st.session_state[_MADE] = token
    st.rerun(scope="fragment")


def _once(token: str) -> None:
    st.markdown("Copy the token now. It is not shown again.")
    st.code(token, language=None, wrap_lines=True)
    st.caption("Programs send it as the header `Authorization: Bearer` with the token behind it.")
