"""The drawer with one account: what is known of it, and every change of it."""

from html import escape

import streamlit as st

from infra.access import accounts
from infra.access.accounts import Account
from infra.access.passwords import SHORTEST
from infra.access.roles import Permission, Person, new_person
from infra.errors import UnknownPerson
from pages import _access, _charts, _people_changes, _people_link, _people_words, _resources, _states
from pages._words import clock_time


def _close() -> None:
    st.query_params.pop("person", None)
    st.session_state.pop("person_link", None)


@st.dialog("Person", width=560, position="right", on_dismiss=_close)
def drawer(login: str) -> None:
    with _states.failures_shown("This person"):
        by = _access.enter(Permission.MANAGE_PEOPLE)
        try:
            account = accounts.account(_resources.engine(), by, login)
        except UnknownPerson as error:
            _states.state("No such account", str(error))
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(f'<div class="lettertitle">{escape(account.login)}</div>')
            if account.disabled_at:
                st.badge("Off", color="red", width="content")
        _charts.facts(_facts(account))
        _people_changes.refused()
        _may(account)
        _signs_in(account)
        if account.login != by.login:
            _stops(account)


def _facts(account: Account) -> list[tuple[str, str]]:
    pairs = [
        ("Last seen", clock_time(account.seen_at) if account.seen_at else "Never"),
        ("Added", f"{clock_time(account.created_at)}, by {account.created_by}"),
        ("Off since", clock_time(account.disabled_at) if account.disabled_at else ""),
    ]
    return [(name, value) for name, value in pairs if value]


def _may(account: Account) -> None:
    key = f"person_{account.login}"
    with st.form(f"{key}_may", border=True):
        role = _people_words.choose_role(key, account.role)
        clients = _people_words.choose_clients(key, account.clients)
        if st.form_submit_button("Save", type="primary"):
            _people_changes.act(
                lambda by: accounts.change(_resources.engine(), by, new_person(account.login, role, clients)),
                f"{account.login} is {role} from now on.",
            )


def _signs_in(account: Account) -> None:
    with st.container(horizontal=True, gap="small"):
        with st.popover("Password", icon=":material/password:"):
            _password(account)
        if st.button("Link to sign in", icon=":material/link:", key="person_link_new"):
            clients = None if account.clients is None else frozenset(account.clients)
            st.session_state["person_link"] = Person(account.login, account.role, clients)
    if linked := st.session_state.pop("person_link", None):
        _people_link.show(linked)


def _password(account: Account) -> None:
    with st.form(f"person_{account.login}_password", border=False):
        password = st.text_input(
            "New password",
            type="password",
            autocomplete="new-password",
            key=f"person_{account.login}_new_password",
            help=f"{SHORTEST} characters or more. It ends their sessions.",
        )
        if st.form_submit_button("Set", type="primary"):
            _people_changes.set_password(account.login, password)
    if account.has_password and st.button("Take the password away", key="person_no_password"):
        _people_changes.set_password(account.login, None)


def _stops(account: Account) -> None:
    with st.container(horizontal=True, gap="small"):
        if st.button("Sign out everywhere", icon=":material/logout:", key="person_sign_out"):
            _people_changes.sign_out_everywhere(account.login)
        if account.disabled_at:
            if st.button("Switch on", icon=":material/toggle_on:", key="person_on"):
                _people_changes.switch_on(account.login)
        elif st.button("Switch off", icon=":material/toggle_off:", key="person_off"):
            _people_changes.switch_off(account.login)
        with st.popover("Remove", icon=":material/person_remove:"):
            st.caption("It goes with its sessions, links and tokens. The audit keeps what was done.")
            if st.button(f"Remove {account.login}", type="primary", key="person_remove"):
                _people_changes.remove(account.login)
