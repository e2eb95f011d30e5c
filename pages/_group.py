"""The card of one group: what its failures share, what people decided about it, and what can be done."""

from html import escape

import streamlit as st

from dlq import console as letters_console
from dlq.groups import console
from dlq.groups.summary import GroupState, GroupSummary
from dlq.letters import Status
from dlq.operations.records import Selection
from dlq.queries import LetterFilter
from dlq.strategies.categories import Category
from dlq.strategies.words import hint
from infra.access.roles import Permission, Person
from pages import (
    _access,
    _bulk_bar,
    _charts,
    _group_decisions,
    _group_row,
    _operation_start,
    _resources,
    _states,
)
from pages._words import clock_time, count

REFRESH_SECONDS = 5.0
WAITING = (Status.DEAD, Status.POISONED)


@st.fragment(run_every=REFRESH_SECONDS)
def show(fingerprint: str) -> None:
    """The group that the address names, kept up to date."""
    if st.button("All groups", icon=":material/arrow_back:", type="tertiary", key="all_groups"):
        st.query_params.pop("group", None)
        st.rerun()
    with _states.failures_shown("The group"):
        by = _access.enter(Permission.READ_LETTERS)
        group = console.group(
            _resources.engine(), by, fingerprint, redactor=_resources.redactor(), now=_resources.now()
        )
    _head(group)
    _facts(group)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="group_actions"):
        _actions(group, by)
        _sample(group, by)
        if _access.may_for_every_client(by, Permission.RETRY_LETTERS):
            _group_decisions.state(group)
    if _access.may_for_every_client(by, Permission.RETRY_LETTERS):
        _group_decisions.note(group)
    elif group.note:
        _states.note(f"Note: {group.note}")


def _head(group: GroupSummary) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="group_head"
    ):
        st.html(
            f'<div class="lettertitle">{escape(group.exception_type)}</div>'
            f'<div class="sub">{escape(group.message)}</div>'
        )
        _group_row.numbers(group)
        if group.state is not GroupState.OPEN:
            st.badge(_state(group), color="gray", width="content")


def _state(group: GroupSummary) -> str:
    if group.state is GroupState.FIXED:
        return f"Fixed in {group.fixed_in}" if group.fixed_in else "Fixed"
    return f"Muted until {clock_time(group.muted_until)}" if group.muted_until else "Muted"


def _facts(group: GroupSummary) -> None:
    pairs = [
        ("Task", group.task_name),
        ("Where", group.place),
        ("First seen", clock_time(group.first_seen_at)),
        ("Last seen", clock_time(group.last_seen_at) if group.last_seen_at else "all its letters are purged"),
        ("Came back", clock_time(group.reopened_at) if group.reopened_at else ""),
        ("What to try", hint(Category(group.category))),
    ]
    _charts.facts([(name, value) for name, value in pairs if value])


def _actions(group: GroupSummary, by: Person) -> None:
    selection = Selection(LetterFilter(fingerprint=group.fingerprint, status=WAITING))
    for nth, words in enumerate(_bulk_bar.offered_to(by, WAITING)):
        pressed = st.button(
            f"{words.verb} all {count(group.waiting)}",
            icon=words.icon,
            type="secondary" if nth else "primary",
            key=f"group_{words.action}",
            disabled=not group.waiting,
        )
        if pressed:
            _operation_start.ask(words.action, selection)
            st.rerun()


def _sample(group: GroupSummary, by: Person) -> None:
    narrowed = LetterFilter(fingerprint=group.fingerprint)
    newest = letters_console.letters(
        _resources.engine(), by, narrowed, limit=1, redactor=_resources.redactor()
    ).letters
    if newest and st.button("Newest letter", icon=":material/description:", key="group_sample"):
        st.query_params["letter"] = str(newest[0].id)
        st.rerun()
