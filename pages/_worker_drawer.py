"""The drawer with one worker: what it runs, what it knows, how it is configured."""

from html import escape

import streamlit as st

from dlq.broker.records import WorkerView
from infra.access.roles import Permission
from pages import _access, _charts, _resources, _states, _worker_list, _worker_running, _worker_tasks
from pages._words import clock_time, count

REFRESH_SECONDS = 2.0


def _close() -> None:
    st.query_params.pop("worker", None)


@st.dialog("Worker", width=620, position="right", on_dismiss=_close)
def drawer(name: str) -> None:
    """Shows the worker that the address names, and keeps it up to date."""
    _contents(name)


@st.fragment(run_every=REFRESH_SECONDS)
def _contents(name: str) -> None:
    with _states.failures_shown("This worker"):
        by = _access.enter(Permission.READ_LETTERS)
        view = _resources.watch().view(by)
    worker = next((worker for worker in view.workers if worker.name == name), None)
    if worker is None:
        asking = view.seen_at is None
        _states.state(
            "Asking the broker" if asking else "No such worker",
            "A second or two." if asking else f"{name[:100]} was not here in the last 24 hours.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="lettertitle">{escape(worker.name)}</div>')
        _worker_list.badge(worker)
    _charts.facts(_facts(worker))
    running, tasks, configured = st.tabs(["Running", "Tasks", "Configuration"], key="worker_parts")
    with running:
        _worker_running.show(worker, by)
    with tasks:
        _worker_tasks.show(worker, view, by)
    with configured:
        _configuration(worker)


def _facts(worker: WorkerView) -> list[tuple[str, str]]:
    pairs = [
        ("Heard of", _worker_list.heard(worker)),
        ("Started", clock_time(worker.started_at) if worker.started_at else ""),
        ("Process", str(worker.pid or "")),
        ("Pool", f"{worker.pool}, {worker.concurrency} at once" if worker.concurrency else worker.pool),
        ("Release", worker.release),
        ("Takes from", ", ".join(worker.queues)),
        ("Paused", ", ".join(worker.paused)),
        (
            "Finished",
            f"{count(worker.finished)} tasks since its start" if worker.finished is not None else "",
        ),
    ]
    return [(name, value) for name, value in pairs if value]


def _configuration(worker: WorkerView) -> None:
    if worker.settings is None:
        _states.state("Not known", "Only workers with dlq.install tell how they are configured.")
        return
    shown = {
        name: value
        for name, value in worker.settings.items()
        if not isinstance(value, list | dict) and value is not None
    }
    _charts.facts([(name.replace("_", " "), str(value)) for name, value in shown.items()])
    for name, value in worker.settings.items():
        if isinstance(value, list) and value:
            st.caption(f"{name.replace('_', ' ')}: {', '.join(map(str, value))}")
