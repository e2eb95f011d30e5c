"""The workers, each in a line: whether it lives, what it takes, what it does right now."""

from collections.abc import Mapping
from html import escape
from typing import Literal

import streamlit as st

from dlq.broker.records import BrokerView, WorkerState, WorkerView
from pages import _resources, _states, _worker_switch
from pages._row_label import row_label
from pages._words import ago, count

ROWS = 20
_BADGES: Mapping[WorkerState, tuple[str, Literal["green", "red", "gray"]]] = {
    WorkerState.ALIVE: ("Alive", "green"),
    WorkerState.SILENT: ("Silent", "red"),
    WorkerState.STOPPED: ("Stopped", "gray"),
}


def show(view: BrokerView, *, may_switch: bool) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        _states.card_head("Workers", "Those here now, and those that went in the last 24 hours")
        if (
            may_switch
            and view.alive
            and st.button(
                "Revoke a task", icon=":material/block:", key="revoke", help="Have a waiting task thrown away"
            )
        ):
            _worker_switch.ask("revoke", "")
    pages = -(-len(view.workers) // ROWS) or 1
    page = st.pagination(pages, key="worker_page") if pages > 1 else 1
    for nth, worker in enumerate(view.workers[(page - 1) * ROWS : page * ROWS]):
        _row(worker, nth)
    if not view.workers:
        _states.state("No worker has been here", "None has reported in the last 24 hours, and none answers.")
        st.space("small")


def badge(worker: WorkerView) -> None:
    label, color = _BADGES[worker.state]
    st.badge(label, color=color, width="content")


def heard(worker: WorkerView) -> str:
    """When it was last heard of."""
    now = _resources.now()
    if worker.stopped_at:
        return f"stopped {ago(worker.stopped_at, now)}"
    if worker.heartbeat_at:
        return f"last heartbeat {ago(worker.heartbeat_at, now)}"
    return "answers, but does not report: no dlq.install"


def _row(worker: WorkerView, nth: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row_w_{nth}"):
        st.html(
            f'<div class="letter"><b>{escape(worker.name)}</b> <span>{escape(_doing(worker))}</span>'
            f"<small>{escape(_facts(worker))}</small></div>"
        )
        if worker.paused:
            st.badge(f"Paused: {', '.join(worker.paused)}", color="orange", width="content")
        badge(worker)
        if st.button(row_label("Open", worker.name), key=f"open_w_{nth}"):
            st.query_params["worker"] = worker.name
            st.rerun()


def _doing(worker: WorkerView) -> str:
    if not worker.answers:
        return ""
    if not worker.running:
        return "idle"
    names = sorted({task.task_name for task in worker.running})
    number = f"{count(len(worker.running))} tasks: " if len(worker.running) > 1 else ""
    return f"runs {number}{', '.join(names[:2])}{' …' if len(names) > 2 else ''}"


def _facts(worker: WorkerView) -> str:
    parts = [heard(worker)]
    if worker.alive and not worker.answers:
        parts.append("does not answer")
    if worker.alive:
        parts.append(f"takes {', '.join(worker.queues[:4])}" if worker.queues else "takes nothing")
    if worker.concurrency:
        parts.append(f"{worker.pool} with {worker.concurrency}")
    if worker.release:
        parts.append(f"release {worker.release}")
    return " · ".join(parts)
