"""The days of entry that a page looks at, bound to the address."""

from collections.abc import Mapping
from datetime import date, timedelta

import streamlit as st

from analytics.question import MAX_DAYS
from analytics.span import FunnelSpan

ALL = "All"
DEFAULT = "28d"
LENGTHS: Mapping[str, int | None] = {"7d": 7, "28d": 28, "90d": 90, ALL: None}
CUSTOM = "Custom"


def choose(span: FunnelSpan) -> tuple[date, date]:
    """The first and last day of entry. The named periods end on the last day that has entries."""
    chosen = st.segmented_control(
        "Period",
        [*LENGTHS, CUSTOM],
        default=DEFAULT,
        key="period",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
        help="Days on which sessions entered, up to the newest. Later steps count to the end of the window.",
    )
    if chosen == CUSTOM:
        return _custom(span)
    length = LENGTHS[chosen]
    if length is None:
        return max(span.first, span.last - timedelta(days=MAX_DAYS - 1)), span.last
    return span.newest - timedelta(days=length - 1), span.newest


def _custom(span: FunnelSpan) -> tuple[date, date]:
    chosen = st.date_input(
        "Days of entry",
        (max(span.first, span.newest - timedelta(days=27)), span.newest),
        key="days",
        bind="query-params",
        label_visibility="collapsed",
        width=230,
    )
    first, last = (chosen[0], chosen[-1]) if isinstance(chosen, tuple) and chosen else (span.first, span.last)
    return first, max(first, min(last, first + timedelta(days=MAX_DAYS - 1)))
