"""What came of the letters of an operation, and the sessions that go on because of it."""

from html import escape
from urllib.parse import urlencode

import streamlit as st

from dlq.letters import Status
from dlq.operations.outcome import Outcome
from dlq.operations.records import Action, Operation
from pages._words import count

#: How the letters of each action may stand now: status, what it means, and the filter that shows them.
_ENDS = {
    Action.RETRY: (
        (Status.RESOLVED, "resolved", "Resolved"),
        (Status.RETRYING, "still retrying", "Retrying"),
        (Status.DEAD, "dead again", "Waiting"),
        (Status.POISONED, "poisoned", "Waiting"),
        (Status.DISCARDED, "discarded since", "Discarded"),
    ),
    Action.DISCARD: ((Status.DISCARDED, "discarded", "Discarded"),),
    Action.RESTORE: (
        (Status.DEAD, "waiting for a decision", "Waiting"),
        (Status.POISONED, "poisoned", "Waiting"),
    ),
}


def show(operation: Operation, came: Outcome) -> None:
    parts = [
        f'<a class="sessions" href="{escape(_address(operation, shown))}">'
        f"<b>{count(came.letters[status])}</b>{escape(meaning)}</a>"
        for status, meaning, shown in _ENDS[operation.action]
        if came.letters[status] or (operation.action, status) == (Action.RETRY, Status.RESOLVED)
    ]
    if came.sessions:
        more = "+" if came.is_capped else ""
        parts.append(f"<span><b>{count(came.sessions)}{more}</b>sessions no longer wait</span>")
    st.html(f'<div class="ends">{"".join(parts)}</div>')


def _address(operation: Operation, shown: str) -> str:
    return f"/dead-letters?{urlencode({'status': shown, 'operation': operation.id})}"
