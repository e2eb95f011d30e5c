"""The filters of the dead letters. Each is bound to the address, so a link or a reload shows the same."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from dlq import console
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter
from dlq.strategies.categories import Category
from infra.access.roles import Person
from pages import _resources
from pages._address import tell_unknown

SHOWN = {
    "Waiting": (Status.DEAD, Status.POISONED),
    "Retrying": (Status.RETRYING,),
    "Resolved": (Status.RESOLVED,),
    "Discarded": (Status.DISCARDED,),
    "All": (),
}
ANY_TASK, ANY_CATEGORY, ANY_KIND = "All tasks", "Any category", "Any kind"
#: Parameters of the address that hold exactly one text: parameter, field of the filter, label.
_TEXTS = (
    ("exception", "exception_type", "Exception type"),
    ("queue", "queue", "Queue"),
    ("session", "session_id", "Session"),
    ("client", "client_id", "Client"),
)


def chosen(by: Person) -> LetterFilter:
    """The filter that the person has chosen, and the group that the address names."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        shown = _status()
        task = _one("task", ANY_TASK, console.choices(_resources.engine(), by).task_names, width=260)
        text = st.text_input(
            "Search",
            key="search",
            bind="query-params",
            placeholder="Search",
            icon=":material/search:",
            label_visibility="collapsed",
            width=220,
        )
        with st.popover(_summary(), icon=":material/tune:"):
            narrowed = _more()
    return replace(
        narrowed,
        status=SHOWN[shown],
        task_name=task,
        text=text.strip(),
        fingerprint=st.query_params.get("group", ""),
        operation_id=_operation(),
    )


def _operation() -> int | None:
    """The operation that the address names; the card of the letters says so."""
    written = st.query_params.get("operation", "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None


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


def _more() -> LetterFilter:
    category = _one("category", ANY_CATEGORY, Category, "Category")
    kind = _one("kind", ANY_KIND, Kind, "How it failed")
    texts: dict[str, Any] = {
        field: st.text_input(label, key=key, bind="query-params").strip() for key, field, label in _TEXTS
    }
    days = st.date_input("Failed on (UTC)", value=[], key="failed", bind="query-params")
    since, until = _moments(days)
    return LetterFilter(
        kind=(Kind(kind),) if kind else (),
        category=category,
        failed_from=since,
        failed_to=until,
        **texts,
    )


def _one(key: str, everything: str, offered: Iterable[str], label: str = "", width: int | None = None) -> str:
    """The chosen value of a list, or nothing."""
    options = [everything, *(str(each) for each in offered)]
    tell_unknown(key, options)
    picked = st.selectbox(
        label or key.capitalize(),
        options,
        key=key,
        bind="query-params",
        label_visibility="visible" if label else "collapsed",
        width=width or "stretch",
    )
    return "" if picked == everything else picked


def _summary() -> str:
    """Before the widgets have run once, the address knows what is set."""
    keys = ("category", "kind", "failed", *(key for key, _, _ in _TEXTS))
    active = sum(key in st.query_params for key in keys)
    return f"More filters · {active}" if active else "More filters"


def _moments(days: Sequence[date] | date | None) -> tuple[datetime | None, datetime | None]:
    """From the first day to the end of the last; while the second is not picked yet, the first day alone."""
    if not isinstance(days, Sequence) or not days:
        return None, None
    end = days[-1] + timedelta(days=1)
    return datetime.combine(days[0], time(), UTC), datetime.combine(end, time(), UTC)
