"""The tasks that failed and who waits for them: the groups first, then letters to pick and retry."""

from dataclasses import replace

import streamlit as st

from dlq import console
from dlq.letters import Status
from infra.access.roles import Permission
from pages import (
    _access,
    _demo_fault,
    _group,
    _group_list,
    _letter,
    _letter_filters,
    _letter_list,
    _operation_start,
    _resources,
    _states,
)
from pages._words import count

REFRESH_SECONDS = 2.0

person = _access.enter(Permission.READ_LETTERS)
engine = _resources.engine()


@st.fragment(run_every=REFRESH_SECONDS)
def numbers() -> None:
    with _states.failures_shown("The numbers"):
        by = _access.enter(Permission.READ_LETTERS)
        found = console.counts(engine, by)
        blocked = len(console.waiting_sessions(engine, by))
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        waiting = found[Status.DEAD] + found[Status.POISONED]
        st.metric("Waiting for a decision", count(waiting), border=True, height="stretch")
        st.metric(
            "Sessions blocked",
            count(blocked),
            border=True,
            height="stretch",
            help="Different sessions that stand still behind a letter which is not resolved or discarded.",
        )
        st.metric("Retrying now", count(found[Status.RETRYING]), border=True, height="stretch")
        st.metric(
            "Resolved",
            count(found[Status.RESOLVED]),
            border=True,
            height="stretch",
            help="Letters whose retry succeeded, for as long as DLQ_RETENTION_DAYS keeps them.",
        )


with st.container(gap=None):
    st.title("Dead letters", anchor=False)
    st.html('<div class="sub">Tasks that failed for good, by cause. This page refreshes by itself.</div>')
numbers()
with _states.failures_shown("The filters"):
    _demo_fault.switch(person)
    narrowed = _letter_filters.chosen(person)
if narrowed.fingerprint:
    with st.container(border=True, key="card_group"):
        _group.show(narrowed.fingerprint)
else:
    _group_list.show(replace(narrowed, status=()))
_letter_list.show(narrowed)
if not _operation_start.show() and (opened := st.query_params.get("letter")):
    _letter.drawer(opened)
