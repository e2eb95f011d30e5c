"""The tasks that a worker has registered, each with its time limits and the way to change them."""

from html import escape

import streamlit as st

from dlq.broker.records import BrokerView, ChangedLimit, Limits, WorkerView
from infra.access.roles import Permission, Person
from pages import _access, _resources, _states, _worker_switch
from pages._row_label import row_label
from pages._words import ago, whole


def show(worker: WorkerView, view: BrokerView, by: Person) -> None:
    changed = {change.task_name: change for change in view.limits}
    may = (
        _access.may_for_every_client(by, Permission.RETRY_LETTERS)
        and worker.alive
        and worker.reports
        and worker.answers
    )
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
        f"{name} limit {whole(seconds)}"
        for name, seconds in (("soft", limits.soft), ("hard", limits.hard))
        if seconds
    ]
    said = ", ".join(parts) or "no time limit"
    if changed and limits == changed.limits:
        said += f" · changed by {changed.by} {ago(changed.at, _resources.now())}"
    return said
