"""The card of one operation: how far it is, what came of it, and the ways to stop, resume and undo it."""

from html import escape
from urllib.parse import urlencode

import streamlit as st

from dlq.errors import DlqError, UnknownOperation
from dlq.operations import console
from dlq.operations.outcome import outcome
from dlq.operations.records import Operation
from infra.access.roles import Permission
from pages import (
    _access,
    _charts,
    _downloads,
    _operation_actions,
    _operation_outcome,
    _operation_words,
    _resources,
    _states,
)
from pages._operation_words import STATUSES
from pages._words import clock_time

REFRESH_SECONDS = 1.0


@st.fragment(run_every=REFRESH_SECONDS)
def show(operation_id: str) -> None:
    """The operation that the address names, kept up to date."""
    try:
        by = _access.enter(Permission.READ_LETTERS)
        operation = console.operation(_resources.engine(), by, _number(operation_id))
        came = outcome(_resources.engine(), by, operation.id)
    except DlqError as error:
        _states.state("This operation cannot be shown now", str(error))
        st.space("medium")
        return
    except _states.AWAY:
        _states.state("This operation cannot be shown now", _states.ASKED_AGAIN)
        st.space("medium")
        return
    _head(operation)
    st.progress(operation.share_done, _operation_words.progress(operation))
    if operation.problem:
        st.warning(operation.problem, icon=":material/warning:")
    _operation_outcome.show(operation, came)
    _operation_actions.show(operation, came, by)
    _facts(operation)
    if by.may(Permission.READ_AUDIT):
        address = f"/audit?{urlencode({'subject': f'operation:{operation.id}'})}"
        st.html(f'<div class="letterlinks"><a class="reclink" href="{escape(address)}">Its audit</a></div>')
    st.html(_downloads.of_table("letters", [("operation_id", str(operation.id))], of="of its letters"))


def _number(operation_id: str) -> int:
    if not operation_id.isascii() or not operation_id.isdigit() or len(operation_id) > 18:
        raise UnknownOperation(operation_id[:40])
    return int(operation_id)


def _head(operation: Operation) -> None:
    label, color = STATUSES[operation.status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="lettertitle">{escape(_operation_words.title(operation))}</div>')
        st.badge(label, color=color, width="content")


def _facts(operation: Operation) -> None:
    options = operation.options
    pairs = [
        ("Operation", str(operation.id)),
        ("Started by", f"{operation.created_by}, {clock_time(operation.created_at)}"),
        ("Why", operation.reason),
        ("Rate", f"{options.rate_per_second:g} letters a second" if options.rate_per_second else ""),
        ("Queue", options.queue),
        ("Not before", clock_time(options.start_at) if options.start_at else ""),
        ("Poisoned letters", "retried too" if options.even_poisoned else ""),
        ("Which", _operation_words.selection(operation.selection)),
        ("Last batch", clock_time(operation.advanced_at) if operation.advanced_at else ""),
        ("Ended", clock_time(operation.finished_at) if operation.finished_at else ""),
        ("Changed by", operation.changed_by or ""),
    ]
    _charts.facts([(name, value) for name, value in pairs if value])
