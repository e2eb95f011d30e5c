"""How an operation runs: its rate, its start and, for a retry, another queue and the poisoned letters."""

from datetime import UTC, datetime

import streamlit as st

from dlq.operations.records import Action, Options
from pages._operation_words import letters

_POISONED = "operation_even_poisoned"


def chosen(action: Action) -> Options:
    is_retry = action is Action.RETRY
    with st.expander("Rate, start and queue" if is_retry else "Rate and start", icon=":material/tune:"):
        rate = st.number_input(
            "Letters a second",
            min_value=0.01,
            max_value=10_000.0,
            value=None,
            step=1.0,
            key="operation_rate",
            placeholder="As fast as the broker takes them",
        )
        start = st.datetime_input("Start at (UTC)", value=None, key="operation_start_at", min_value=None)
        queue = is_retry and st.text_input(
            "Queue", key="operation_queue", placeholder="The queue that each letter came from"
        )
    return Options(
        queue=queue.strip() if queue else "",
        rate_per_second=rate,
        start_at=_in_utc(start),
        even_poisoned=is_retry and bool(st.session_state.get(_POISONED)),
    )


def even_poisoned(poisoned: int) -> None:
    """The explicit yes, without which letters that failed too often are left out."""
    st.checkbox(f"Retry {letters(poisoned)} too that failed so often that they were set aside", key=_POISONED)


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
