"""The drawer with one session: what happened in it, which events count as steps, and its dead letters."""

from html import escape
from urllib.parse import urlencode

import streamlit as st

from analytics.funnels import FunnelDefinition
from analytics.history import MOST_EVENTS, HistoryEvent, SessionHistory
from analytics.question import Question
from dlq import console
from dlq.errors import DlqError
from dlq.queries import LetterFilter
from dlq.views import LetterSummary
from infra.access.roles import Permission, Person
from pages import _access, _charts, _resources, _session_row, _states
from pages._words import clock_time, count, duration

MOST_LETTERS = 20
_LONGEST_VALUE = 200


def _close() -> None:
    st.query_params.pop("session", None)


@st.dialog("Session", width=620, position="right", on_dismiss=_close)
def drawer(session_id: str, definition: FunnelDefinition, question: Question) -> None:
    """Shows the session that the address names."""
    with _states.failures_shown("The session"):
        by = _access.enter(Permission.READ_SESSIONS)
        history = _resources.funnels().session(by, definition, question, session_id, now=_resources.now())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="lettertitle">{escape(session_id)}</div>')
        if history.counted:
            _session_row.badge(history.counted.outcome)
    _facts(history, question.zone)
    if by.may(Permission.READ_LETTERS):
        _letters(session_id, by, question.zone)
    _events(history, question.zone)


def _facts(history: SessionHistory, zone: str) -> None:
    counted = history.counted
    pairs = [
        ("Client", history.client_id or ""),
        ("User", history.user_id or ""),
        (
            "Entered",
            clock_time(counted.entered_at, zone) if counted else "not counted by this funnel",
        ),
        ("Furthest step", f"{counted.furthest}, {clock_time(counted.furthest_at, zone)}" if counted else ""),
    ]
    _charts.facts([(name, value) for name, value in pairs if value])


def _letters(session_id: str, by: Person, zone: str) -> None:
    try:
        narrowed = LetterFilter(session_id=session_id)
        found = console.letters(
            _resources.engine(), by, narrowed, None, MOST_LETTERS, redactor=_resources.redactor()
        )
    except DlqError as error:
        _states.state("Its dead letters cannot be shown now", str(error))
        return
    if found.letters:
        st.html(f'<ul class="sessionletters">{"".join(_letter(one, zone) for one in found.letters)}</ul>')


def _letter(letter: LetterSummary, zone: str) -> str:
    address = f"/dead-letters?{urlencode({'status': 'All', 'letter': letter.id})}"
    said = f"{letter.exception_type or letter.kind} in {letter.task_name}"
    return (
        f'<li><a href="{escape(address)}">{escape(said)}</a>'
        f"<small>{escape(f'{letter.status}, failed {clock_time(letter.failed_at, zone)}')}</small></li>"
    )


def _events(history: SessionHistory, zone: str) -> None:
    begun = history.events[0].occurred_at
    entries = (_event(one, (one.occurred_at - begun).total_seconds(), zone) for one in history.events)
    st.html(f'<ol class="timeline events">{"".join(entries)}</ol>')
    if not history.is_whole:
        st.caption(f"The first {count(MOST_EVENTS)} events are shown; there are more.")


def _event(one: HistoryEvent, seconds: float, zone: str) -> str:
    step = f'<span class="step">{escape(one.step)}</span>' if one.step else ""
    since = f" · {duration(seconds)} after the first" if seconds else ""
    values = " · ".join(f"{pair.name} {pair.value[:_LONGEST_VALUE]}" for pair in one.properties)
    return (
        f'<li class="{"counts" if one.step else "other"}">{escape(one.name)}{step}'
        f"<small>{escape(clock_time(one.occurred_at, zone) + since)}</small>"
        f"{f'<small>{escape(values)}</small>' if values else ''}</li>"
    )
