"""The drawer with one worker: what it runs, what it knows, how it is configured."""

from html import escape

import streamlit as st

from dlq.broker.records import BrokerView, ChangedLimit, Limits, WorkerView
from infra.access.roles import Permission, Person
from pages import _access, _charts, _resources, _states, _worker_list, _worker_switch
from pages._row_label import row_label
from pages._words import ago, clock_time, count, duration

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
        _running(worker, by)
    with tasks:
        _tasks(worker, view, by)
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


def _running(worker: WorkerView, by: Person) -> None:
    if not worker.answers:
        _states.state("Not known", "It does not answer, so what it runs cannot be told.")
    elif not worker.running:
        _states.state("Idle", "It runs nothing at the moment.")
    for task in worker.running:
        with st.container(horizontal=True, vertical_alignment="center", key=f"row_t_{task.task_id}"):
            ran = (_resources.now() - task.started_at).total_seconds() if task.started_at else None
            since = f"for {duration(round(ran))}" if ran is not None else "not started"
            st.html(
                f'<div class="letter"><b>{escape(task.task_name)}</b>'
                f"<small>{escape(f'{since} · from {task.queue} · {task.task_id}')}</small></div>"
            )
            if by.may(Permission.RETRY_LETTERS) and st.button(
                row_label("Stop", task.task_name), icon=":material/stop_circle:", key=f"stop_{task.task_id}"
            ):
                _worker_switch.ask("stop", task.task_id)


def _tasks(worker: WorkerView, view: BrokerView, by: Person) -> None:
    changed = {change.task_name: change for change in view.limits}
    may = by.may(Permission.RETRY_LETTERS) and worker.alive and worker.reports and worker.answers
    for name in worker.tasks:
        with st.container(horizontal=True, vertical_alignment="center", key=f"row_r_{name}"):
            st.html(
                f'<div class="letter"><b>{escape(name)}</b>'
                f"<small>{escape(_limits(worker, name, changed.get(name)))}</small></div>"
            )
            if may and name in changed:
                st.button(
                    row_label("Put back", name),
                    icon=":material/undo:",
                    key=f"put_back_{name}",
                    on_click=_worker_switch.put_back,
                    args=(name,),
                )
            if may and st.button(row_label("Limit", name), icon=":material/timer:", key=f"limit_{name}"):
                _worker_switch.ask("limit", name)
    if not worker.tasks:
        _states.state("No task", "It has registered no tasks but Celery's own.")


def _limits(worker: WorkerView, task_name: str, changed: ChangedLimit | None) -> str:
    if worker.limits is None:
        return "time limits not known"
    limits = worker.limits.get(task_name, Limits())
    parts = [
        f"{name} limit {duration(seconds)}"
        for name, seconds in (("soft", limits.soft), ("hard", limits.hard))
        if seconds
    ]
    said = ", ".join(parts) or "no time limit"
    if changed and limits == changed.limits:
        said += f" · changed by {changed.by} {ago(changed.at, _resources.now())}"
    return said


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
