"""The ways to stop an operation, to go on with it, and to take it back."""

from collections.abc import Callable

import streamlit as st

from dlq.letters import Status
from dlq.operations import console
from dlq.operations.outcome import Outcome
from dlq.operations.records import UNDER_WAY, Action, Operation, OperationStatus, Selection
from dlq.queries import LetterFilter
from infra import audit
from infra.access.roles import Person
from pages import _access, _operation_start, _refused, _resources
from pages._operation_words import ACTIONS


def show(operation: Operation, came: Outcome, by: Person) -> None:
    """What this person may do with the operation now."""
    if not by.may(ACTIONS[operation.action].permission):
        return
    with st.container(horizontal=True, gap="small"):
        if operation.status == OperationStatus.PAUSED:
            _button("Resume", ":material/play_arrow:", console.resume, operation.id)
        elif operation.status in UNDER_WAY:
            _button("Pause", ":material/pause:", console.pause, operation.id)
        if operation.status in UNDER_WAY:
            _button("Cancel", ":material/stop:", console.cancel, operation.id)
        elif operation.action is Action.DISCARD and came.letters[Status.DISCARDED]:
            _undo(operation)
        elif operation.action is Action.RETRY and came.letters[Status.DEAD]:
            _again(operation)
    _refused.show(f"operation_{operation.id}")


def _undo(operation: Operation) -> None:
    if st.button("Undo: restore these letters", icon=":material/undo:", key="operation_undo"):
        discarded = LetterFilter(operation_id=operation.id, status=(Status.DISCARDED,))
        _operation_start.ask(Action.RESTORE, Selection(discarded))
        st.rerun()


def _again(operation: Operation) -> None:
    if st.button("Retry those dead again", icon=":material/replay:", key="operation_again"):
        dead = LetterFilter(operation_id=operation.id, status=(Status.DEAD,))
        _operation_start.ask(Action.RETRY, Selection(dead))
        st.rerun()


def _button(label: str, icon: str, change: Callable[..., Operation], operation_id: int) -> None:
    st.button(
        label, icon=icon, key=f"operation_{label.lower()}", on_click=_change, args=(change, operation_id)
    )


def _change(change: Callable[..., Operation], operation_id: int) -> None:
    with _refused.kept(f"operation_{operation_id}"):
        change(_resources.engine(), _access.signed_in(), operation_id, audit=audit.record)
