"""The drawer with one dead letter: what happened, what a retry would do, and the retry itself."""

import json
from collections.abc import Mapping
from html import escape
from typing import Literal

import streamlit as st

from dlq import console
from dlq.errors import DlqError, UnknownLetter
from dlq.letters import Status
from dlq.views import LetterDetail
from infra.access.roles import Permission
from infra.errors import DatabaseUnavailable
from pages import _access, _charts, _letter_retry, _resources, _states
from pages._words import clock_time

REFRESH_SECONDS = 1.0
_BADGES: Mapping[Status, tuple[str, Literal["red", "blue", "green", "gray"]]] = {
    Status.DEAD: ("Dead", "red"),
    Status.POISONED: ("Poisoned", "red"),
    Status.RETRYING: ("Retrying", "blue"),
    Status.RESOLVED: ("Resolved", "green"),
    Status.DISCARDED: ("Discarded", "gray"),
}
_SAID = {
    Status.DEAD: "Failed",
    Status.POISONED: "Failed once too often",
    Status.RETRYING: "Retry sent",
    Status.RESOLVED: "Resolved: the retry succeeded",
    Status.DISCARDED: "Discarded",
}


def badge(status: Status) -> None:
    label, color = _BADGES[status]
    st.badge(label, color=color, width="content")


def _close() -> None:
    st.query_params.pop("letter", None)


@st.dialog("Dead letter", width=620, position="right", on_dismiss=_close)
def drawer(letter_id: str) -> None:
    """Shows the letter that the address names, and keeps it up to date."""
    _contents(letter_id)


@st.fragment(run_every=REFRESH_SECONDS)
def _contents(letter_id: str) -> None:
    try:
        by = _access.enter(Permission.READ_LETTERS)
        detail = console.letter(
            _resources.engine(),
            by,
            _number(letter_id),
            redactor=_resources.redactor(),
            sealer=_resources.sealer(),
        )
    except (DlqError, DatabaseUnavailable) as error:
        _states.state("This letter cannot be shown now", str(error))
        return
    letter = detail.letter
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="lettertitle">{escape(letter.exception_type or letter.kind)}</div>')
        badge(letter.status)
    st.text(detail.message)
    _letter_retry.actions(letter, by)
    _facts(detail)
    traceback, arguments, headers, timeline = st.tabs(
        ["Traceback", "Arguments", "Headers", "Timeline"], key="parts"
    )
    with traceback:
        st.code(detail.traceback or "No traceback: the process did not live to write one.", language="python")
    with arguments:
        if detail.body_problem:
            st.text(detail.body_problem)
        if detail.body_bytes is not None:
            st.code(_pretty({"args": detail.args, "kwargs": detail.kwargs}), language="json")
            st.caption(
                f"Secrets are masked here. The {detail.body_bytes:,} original bytes are what a retry sends."
            )
    with headers:
        st.code(_pretty(detail.headers), language="json")
    with timeline:
        _timeline(detail)


def _number(letter_id: str) -> int:
    if not letter_id.isascii() or not letter_id.isdigit() or len(letter_id) > 18:
        raise UnknownLetter(letter_id[:40])
    return int(letter_id)


def _facts(detail: LetterDetail) -> None:
    letter = detail.letter
    pairs = [
        ("Task", letter.task_name),
        ("Queue", letter.queue),
        ("Session", letter.session_id or ""),
        ("Client", letter.client_id or ""),
        ("Correlation id", letter.correlation_id or ""),
        ("Task id", letter.task_id),
        ("Failed", f"{clock_time(letter.failed_at)}, {letter.attempts} failed in all"),
        ("Worker", detail.worker),
    ]
    _charts.facts([(name, value) for name, value in pairs if value])


def _timeline(detail: LetterDetail) -> None:
    _charts.timeline(
        [
            (_SAID[change.to_status], f"{clock_time(change.at)} · {change.actor}")
            for change in reversed(detail.history)
        ]
    )


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
