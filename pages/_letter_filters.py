"""The filters of the dead letters. Each is bound to the address, so a link or a reload shows the same."""

from dataclasses import replace

import streamlit as st

from dlq import console
from dlq.letters import Status
from dlq.queries import LetterFilter
from infra.access.roles import Person
from pages import _letter_more_filters, _resources
from pages._address import tell_unknown
from pages._one_of import one_of

SHOWN = {
    "Waiting": (Status.DEAD, Status.POISONED),
    "Retrying": (Status.RETRYING,),
    "Resolved": (Status.RESOLVED,),
    "Discarded": (Status.DISCARDED,),
    "All": (),
}
ANY_TASK = "All tasks"


def chosen(by: Person) -> LetterFilter:
    """The filter that the person has chosen, and the group that the address names."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        shown = _status()
        task = one_of("task", ANY_TASK, console.choices(_resources.engine(), by).task_names, width=190)
        text = st.text_input(
            "Search",
            key="search",
            bind="query-params",
            placeholder="Search",
            icon=":material/search:",
            label_visibility="collapsed",
            width=160,
        )
        narrowed = _letter_more_filters.chosen()
        operation_id = _operation()
    return replace(
        narrowed,
        status=SHOWN[shown],
        task_name=task,
        text=text.strip(),
        fingerprint=st.query_params.get("group", ""),
        operation_id=operation_id,
    )


def _operation() -> int | None:
    """The operation that the address names, and the way to leave it."""
    written = st.query_params.get("operation", "")
    if not written.isascii() or not written.isdigit() or len(written) > 18:
        return None
    st.button(
        f"Changed by operation {written}", icon=":material/close:", key="all_operations", on_click=_leave
    )
    return int(written)


def _leave() -> None:
    st.query_params.pop("operation", None)


def _status() -> str:
    tell_unknown("status", list(SHOWN))
    return st.segmented_control(
        "Status",
        list(SHOWN),
        default="Waiting",
        key="status",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
