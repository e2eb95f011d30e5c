"""The groups of failures, those that stop most people first."""

from typing import Literal

import streamlit as st

from dlq.filter_address import to_pairs
from dlq.groups import console
from dlq.groups.summary import GroupState, GroupSummary
from dlq.queries import LetterFilter
from infra.access.roles import Permission
from pages import _access, _downloads, _group_row, _paging, _resources, _states
from pages._row_label import row_label

REFRESH_SECONDS = 5.0
ROWS = 6
POSITION = "groups_after"
_ORDERS: dict[str, Literal["blocked", "newest", "letters"]] = {
    "Most blocked": "blocked",
    "Newest": "newest",
    "Most letters": "letters",
}
_STATES: dict[str, Literal["open", "muted", "fixed", "all"]] = {
    "Open groups": "open",
    "Muted groups": "muted",
    "Fixed groups": "fixed",
    "All groups": "all",
}


def show(narrowed: LetterFilter) -> None:
    """The card with the groups that have a letter which `narrowed` lets through."""
    with st.container(border=True, key="card_groups"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(width="content"):
                _states.card_head("Groups", "Failures with one cause, by the people who wait behind them")
            with st.container(horizontal=True, width="content", gap="small"):
                order = _choice("Order", "order", tuple(_ORDERS))
                state = _choice("State", "groups", tuple(_STATES))
        asked = (narrowed, order, state)
        if st.session_state.setdefault("groups_of", asked) != asked:
            st.session_state["groups_of"] = asked
            _paging.reset(POSITION)
        _list(narrowed, order, state)


def _choice(label: str, key: str, options: tuple[str, ...]) -> str:
    return st.selectbox(label, options, key=key, bind="query-params", label_visibility="collapsed", width=150)


@st.fragment(run_every=REFRESH_SECONDS)
def _list(narrowed: LetterFilter, order: str, state: str) -> None:
    with _states.failures_shown("The groups"):
        page = console.groups(
            _resources.engine(),
            _access.enter(Permission.READ_LETTERS),
            narrowed,
            _ORDERS[order],
            _STATES[state],
            _paging.position(POSITION),
            ROWS,
            redactor=_resources.redactor(),
            now=_resources.now(),
        )
    if not page.groups:
        st.html(f'<div class="sub">{_nothing(state)}</div>')
    for group in page.groups:
        _row(group)
    if page.groups:
        asked = [*to_pairs(narrowed), ("order", _ORDERS[order]), ("state", _STATES[state])]
        st.html(_downloads.of_table("groups", asked, of="of all groups"))
    _paging.buttons(POSITION, page.next)


def _nothing(state: str) -> str:
    if _STATES[state] == "open":
        return "No open group has a letter that matches. Muted and fixed ones are a choice away."
    if _STATES[state] == "all":
        return "No group has a letter that matches."
    return f"No {_STATES[state]} group has a letter that matches. Choose All groups to see every cause."


def _row(group: GroupSummary) -> None:
    key = f"row_group_{group.fingerprint}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        _group_row.text(group, _group_row.seen(group, _resources.now()))
        _group_row.numbers(group)
        if group.state is not GroupState.OPEN:
            st.badge(group.state.capitalize(), color="gray", width="content")
        if _open(group):
            st.query_params["group"] = group.fingerprint
            st.rerun()


def _open(group: GroupSummary) -> bool:
    about = f"{group.exception_type}, group {group.fingerprint[:8]}"
    return st.button(row_label("Open", about), key=f"group_{group.fingerprint}")
