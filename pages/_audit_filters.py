"""The filters of the audit, each bound to the address."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from infra.access.roles import Person
from infra.audit.entries import EntryFilter, choices
from pages import _resources
from pages._one_of import one_of

ANYBODY, ANY_ACTION = "Anybody", "Any action"


def chosen(by: Person) -> EntryFilter:
    offered = choices(_resources.engine(), by)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        actor = one_of("who", ANYBODY, offered.actors, width=200)
        action = one_of("action", ANY_ACTION, offered.actions, width=200)
        subject = st.text_input(
            "Subject",
            key="subject",
            bind="query-params",
            placeholder="letter:17, or letter",
            icon=":material/search:",
            label_visibility="collapsed",
            width=220,
        )
        days = st.date_input(
            "Days (UTC)", value=[], key="days", bind="query-params", label_visibility="collapsed", width=230
        )
    since, until = _moments(days)
    return EntryFilter(actor, action, subject.strip(), since, until)


def _moments(days: Sequence[date] | date | None) -> tuple[datetime | None, datetime | None]:
    """From the first day to the end of the last; while the second is not picked yet, the first day alone."""
    if not isinstance(days, Sequence) or not days:
        return None, None
    end = days[-1] + timedelta(days=1)
    return datetime.combine(days[0], time(), UTC), datetime.combine(end, time(), UTC)
