"""The drawer with one dead letter: what happened, what a retry would do, and the retry itself."""

import json
from html import escape

import streamlit as st

from dlq import console
from dlq.errors import DlqError, UnknownLetter
from dlq.letters import Status
from dlq.strategies.categories import Category
from dlq.strategies.words import hint
from dlq.versions import versions
from dlq.views import LetterDetail
from infra.access.roles import Permission
from pages import (
    _access,
    _charts,
    _letter_arguments,
    _letter_badge,
    _letter_decisions,
    _letter_failures,
    _letter_links,
    _letter_row,
    _letter_timeline,
    _refused,
    _resources,
    _states,
)
from pages._words import clock_time

REFRESH_SECONDS = 1.0


def _close() -> None:
    st.query_params.pop("letter", None)
    _refused.clear()


@st.dialog("Dead letter", width=720, position="right", on_dismiss=_close)
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
        kept = versions(
            _resources.engine(),
            by,
            detail.letter.id,
            sealer=_resources.sealer(),
            redactor=_resources.redactor(),
        )
    except DlqError as error:
        _states.state("This letter cannot be shown now", str(error))
        return
    except _states.AWAY:
        _states.state("This letter cannot be shown now", _states.ASKED_AGAIN)
        return
    letter = detail.letter
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="lettertitle">{escape(letter.exception_type or letter.kind)}</div>')
        _letter_badge.status(letter.status)
    st.text(detail.message)
    _states.note(f"What to try: {hint(Category(letter.category))}")
    _came_back(detail)
    _letter_decisions.show(letter, kept, by)
    _letter_links.show(letter, by)
    _facts(detail)
    failures, arguments, headers, timeline = st.tabs(
        ["Failures", "Arguments", "Headers", "Timeline"], key="parts", bind="query-params"
    )
    with failures:
        _letter_failures.show(detail)
    with arguments:
        _letter_arguments.show(detail, kept, by)
    with headers:
        st.code(json.dumps(detail.headers, indent=2, ensure_ascii=False, default=str), language="json")
    with timeline:
        _letter_timeline.show(detail.history)


def _came_back(detail: LetterDetail) -> None:
    sent = next((change for change in reversed(detail.history) if change.to_status is Status.RETRYING), None)
    has_failed_again = bool(detail.attempts and detail.attempts[-1].generation)
    if sent and has_failed_again and detail.letter.status in {Status.DEAD, Status.POISONED}:
        _states.note(f"Failed again: {sent.actor} sent it again at {clock_time(sent.at)}.")


def _number(letter_id: str) -> int:
    if not letter_id.isascii() or not letter_id.isdigit() or len(letter_id) > 18:
        raise UnknownLetter(letter_id[:40])
    return int(letter_id)


def _facts(detail: LetterDetail) -> None:
    letter = detail.letter
    pairs = [
        ("Letter", str(letter.id)),
        ("Task", letter.task_name),
        ("Queue", letter.queue),
        ("Session", letter.session_id or ""),
        ("Client", letter.client_id or ""),
        ("Correlation id", letter.correlation_id or ""),
        ("Task id", letter.task_id),
        ("Failed", f"{clock_time(letter.failed_at)}, {_letter_row.attempts(letter)}"),
        ("Worker", detail.worker),
    ]
    _charts.facts([(name, value) for name, value in pairs if value])
