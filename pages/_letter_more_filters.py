"""The filters of the dead letters that are needed less often, folded away; the button counts those in use."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from dlq.broker.keys import PRIORITIES
from dlq.letters import Kind
from dlq.queries import LetterFilter
from dlq.strategies.categories import Category
from pages._one_of import one_of

ANY_CATEGORY, ANY_KIND, ANY_PRIORITY = "Any category", "Any kind", "Any priority"
#: Parameters of the address that hold exactly one text: parameter, field of the filter, label.
_TEXTS = (
    ("exception", "exception_type", "Exception type"),
    ("queue", "queue", "Queue"),
    ("session", "session_id", "Session"),
    ("client", "client_id", "Client"),
)


def chosen() -> LetterFilter:
    with st.popover(_summary(), icon=":material/tune:", key="more_filters"):
        return _filters()


def _filters() -> LetterFilter:
    category = one_of("category", ANY_CATEGORY, Category, "Category")
    kind = one_of("kind", ANY_KIND, Kind, "How it failed")
    priority = one_of("priority", ANY_PRIORITY, map(str, PRIORITIES), "Priority")
    texts: dict[str, Any] = {
        field: st.text_input(label, key=key, bind="query-params").strip() for key, field, label in _TEXTS
    }
    days = st.date_input("Failed on (UTC)", value=[], key="failed", bind="query-params")
    since, until = _moments(days)
    return LetterFilter(
        kind=(Kind(kind),) if kind else (),
        category=category,
        priority=int(priority) if priority else None,
        failed_from=since,
        failed_to=until,
        **texts,
    )


def _summary() -> str:
    """Before the widgets have run once, the address knows what is set."""
    keys = ("category", "kind", "priority", "failed", *(key for key, _, _ in _TEXTS))
    active = sum(key in st.query_params for key in keys)
    return f"More filters · {active}" if active else "More filters"


def _moments(days: Sequence[date] | date | None) -> tuple[datetime | None, datetime | None]:
    """From the first day to the end of the last; while the second is not picked yet, the first day alone."""
    if not isinstance(days, Sequence) or not days:
        return None, None
    end = days[-1] + timedelta(days=1)
    return datetime.combine(days[0], time(), UTC), datetime.combine(end, time(), UTC)
