"""The operations, newest first: what, how far, who and why."""

from html import escape

import streamlit as st

from dlq.operations import console
from dlq.operations.records import Operation
from infra.access.roles import Permission
from pages import _access, _downloads, _operation_words, _paging, _resources, _states
from pages._operation_words import STATUSES
from pages._row_label import row_label
from pages._words import ago

REFRESH_SECONDS = 2.0
ROWS = 25
POSITION = "operations_after"


@st.fragment(run_every=REFRESH_SECONDS)
def show() -> None:
    with _states.failures_shown("The operations"):
        by = _access.enter(Permission.READ_LETTERS)
        page = console.operations(_resources.engine(), by, _after(), ROWS)
    if not page.operations:
        _states.state(
            "No operation yet", "Pick letters on the page Dead letters, or open a group, and press Retry."
        )
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.page_link(
                "dead_letters.py", label="Open the dead letters", icon=":material/mark_email_unread:"
            )
        st.space("medium")
    for operation in page.operations:
        _row(operation)
    if page.operations:
        st.html(_downloads.of_table("operations", of="of all operations"))
    _paging.buttons(POSITION, None if page.next is None else str(page.next))


def _after() -> int | None:
    """Where the address stands in the list; what is no number begins it anew."""
    written = _paging.position(POSITION) or ""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None


def _row(operation: Operation) -> None:
    label, color = STATUSES[operation.status]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row_{operation.id}"):
        st.html(_text(operation))
        st.badge(label, color=color, width="content")
        if st.button(row_label("Open", f"operation {operation.id}"), key=f"open_{operation.id}"):
            st.query_params["operation"] = str(operation.id)
            st.rerun()


def _text(operation: Operation) -> str:
    when = f"{operation.created_by}, {ago(operation.created_at, _resources.now())}"
    parts = [f"operation {operation.id}", _operation_words.progress(operation), when, operation.reason]
    return (
        f'<div class="letter"><b>{escape(_operation_words.title(operation))}</b>'
        f"<small>{escape(' · '.join(part for part in parts if part))}</small></div>"
    )
