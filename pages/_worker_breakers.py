"""The circuit breakers, open ones first, and the way to close one by hand."""

from collections.abc import Mapping
from html import escape
from typing import Literal

import streamlit as st

from dlq.broker.records import BrokerView
from dlq.strategies.breaker import BreakerState, Circuit
from pages import _resources, _states, _worker_switch
from pages._row_label import row_label
from pages._words import ago, count, whole

_BADGES: Mapping[Circuit, tuple[str, Literal["red", "orange", "green"]]] = {
    Circuit.OPEN: ("Open", "red"),
    Circuit.HALF_OPEN: ("Probing", "orange"),
    Circuit.CLOSED: ("Closed", "green"),
}
_ORDER = tuple(_BADGES)


def show(view: BrokerView, *, may_switch: bool) -> None:
    _states.card_head(
        "Circuit breakers", "An open one keeps tasks from calling what is down; closed is the normal state"
    )
    for state in sorted(view.breakers, key=lambda state: (_ORDER.index(state.circuit), state.dependency)):
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"row_b_{state.dependency}"
        ):
            st.html(
                f'<div class="letter"><b>{escape(state.dependency)}</b>'
                f"<small>{escape(_said(state))}</small></div>"
            )
            said, color = _BADGES[state.circuit]
            st.badge(said, color=color, width="content")
            closed = state.circuit is Circuit.CLOSED
            label = row_label("Close", state.dependency)
            if may_switch and not closed and st.button(label, key=f"close_{state.dependency}"):
                _worker_switch.ask("close", state.dependency)


def _said(state: BreakerState) -> str:
    now = _resources.now()
    calls = f"{count(state.failures)} of {count(state.calls)} calls failed"
    parts = [calls if state.calls else "no calls lately"]
    if state.reason:
        parts.append(f"last with {state.reason}")
    if state.opened_at:
        parts.append(f"opened {ago(state.opened_at, now)}")
    if state.probe_due_at and state.probe_due_at > now:
        parts.append(f"next try in {whole((state.probe_due_at - now).total_seconds())}")
    return " · ".join(parts)
