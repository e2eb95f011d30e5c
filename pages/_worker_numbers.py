"""What stands above the lists: how old the look is, the files, the four numbers, the warnings."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from dlq.broker.records import BrokerView, ConfigurationWarning, QueueView, Severity, WorkerState
from dlq.broker.watch import DEADLINE_SECONDS
from pages import _downloads, _resources, _states
from pages._words import ago, count, whole

SHOWN = 4
_LABELS = {
    Severity.LOSES: ("Loses work", "critical"),
    Severity.REPEATS: ("Repeats", "high"),
    Severity.STANDS: ("Stands still", "high"),
    Severity.NOTE: ("Note", ""),
}


def head(view: BrokerView) -> None:
    """Title, age and files."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", key="page_head"
    ):
        with st.container(width="content", gap=None):
            st.title("Workers & queues", anchor=False)
            st.html(f'<div class="sub">{escape(_age(view))}</div>')
        if view.seen_at:
            with st.container(width="content", gap=None, key="files"):
                st.html(_downloads.of_table("workers", of="of the workers"))
                st.html(_downloads.of_table("queues", of="of the queues"))


def _age(view: BrokerView) -> str:
    now = _resources.now()
    parts = [f"Seen {ago(view.seen_at, now)}"] if view.seen_at else []
    since = view.looking_since
    if since and (now - since).total_seconds() > DEADLINE_SECONDS:
        parts.append(f"asked again {ago(since, now)}, without an answer yet")
    if view.store_problem:
        parts.append(f"heartbeats cannot be read: {view.store_problem}")
    parts.append("refreshes by itself")
    return " · ".join(parts)


def numbers(view: BrokerView) -> None:
    silent = sum(worker.state == WorkerState.SILENT for worker in view.workers)
    known = not view.broker_problem
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        st.metric(
            "Workers alive",
            count(len(view.alive)),
            delta=f"{silent} silent" if silent else None,
            delta_color="red" if silent else "off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        st.metric("Waiting in queues", count(view.waiting) if known else "–", border=True, height="stretch")
        st.metric(
            "Running now",
            count(sum(len(worker.running) for worker in view.workers)) if known else "–",
            border=True,
            height="stretch",
            help="Tasks that the workers which answer have in their processes.",
        )
        oldest = max(view.queues, key=lambda queue: queue.oldest_seconds or 0, default=None)
        st.metric("Oldest waits", waits(oldest) if oldest and known else "–", border=True, height="stretch")


def waits(queue: QueueView) -> str:
    """How long the oldest message has waited; a plus sign says that it may be longer."""
    if queue.oldest_seconds is None:
        return "–"
    said = whole(queue.oldest_seconds)
    return f"{said}+" if queue.oldest_is_least else said


def warnings(view: BrokerView) -> None:
    if not view.warnings:
        return
    with st.container(border=True, key="card_warnings"):
        _states.card_head("Warnings", "What could lose work, run it twice or leave it standing")
        _listed(view.warnings[:SHOWN])
        if more := view.warnings[SHOWN:]:
            with st.expander(f"{len(more)} more", key="more_warnings"):
                _listed(more)


def _listed(warnings: Sequence[ConfigurationWarning]) -> None:
    rows = "".join(_row(warning) for warning in warnings)
    st.html(f'<ol class="losses">{rows}</ol>')


def _row(warning: ConfigurationWarning) -> str:
    label, kind = _LABELS[warning.severity]
    return (
        f'<li><i class="severity {kind}">{label}</i><div><b>{escape(warning.title)}</b>'
        f"<small>{escape(warning.text)}</small></div></li>"
    )
