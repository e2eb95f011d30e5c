"""The accounts in order of their login, each in a line that opens its drawer."""

from html import escape

import streamlit as st

from infra.access import accounts
from infra.access.accounts import Account
from infra.access.roles import Permission
from pages import _access, _paging, _people_new, _resources, _states
from pages._people_words import sees
from pages._row_label import row_label
from pages._words import ago

ROWS = 25
POSITION = "people_after"


def show() -> None:
    by = _access.enter(Permission.MANAGE_PEOPLE)
    found = accounts.accounts(_resources.engine(), by, _paging.position(POSITION) or "", ROWS + 1)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        _states.card_head("Accounts", "A change acts on sessions that are open, at their next step")
        if st.button("Add a person", icon=":material/person_add:", type="primary", key="person_add"):
            _people_new.dialog()
    for account in found[:ROWS]:
        _row(account)
    if not found:
        _states.state(
            "No account yet",
            "Who signs in by the link printed at start, or with a provider, needs none.",
        )
        st.space("small")
    _paging.buttons(POSITION, found[ROWS - 1].login if found[ROWS:] else None)


def _row(account: Account) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"row_person_{account.login}"
    ):
        st.html(
            f'<div class="letter"><b>{escape(account.login)}</b>'
            f"<small>{escape(' · '.join(_facts(account)))}</small></div>"
        )
        if account.disabled_at:
            st.badge("Off", color="red", width="content")
        st.badge(account.role.capitalize(), color="gray", width="content")
        if st.button(row_label("Open", account.login), key=f"open_person_{account.login}"):
            st.query_params["person"] = account.login
            st.rerun()


def _facts(account: Account) -> list[str]:
    seen = f"seen {ago(account.seen_at, _resources.now())}" if account.seen_at else "never signed in"
    return [
        f"sees {sees(account.clients)}",
        seen,
        "with password" if account.has_password else "no password",
        f"added by {account.created_by}",
    ]
