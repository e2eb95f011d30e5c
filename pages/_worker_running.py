"""What a worker runs right now, and the way to stop it."""

from html import escape

import streamlit as st

from dlq.broker.records import Running, WorkerView
from infra.access.roles import Permission, Person
from pages import _access, _resources, _states, _worker_switch
from pages._row_label import row_label
from pages._words import whole


def show(worker: WorkerView, by: Person) -> None:
    if not worker.answers:
        _states.state("Not known", "It does not answer, so what it runs cannot be told.")
    elif not worker.running:
        _states.state("Idle", "It runs nothing at the moment.")
    for task in worker.running:
        with st.container(horizontal=True, vertical_alignment="center", key=f"row_t_{task.task_id}"):
            _row(task, by)


def _row(task: Running, by: Person) -> None:
    ran = (_resources.now() - task.started_at).total_seconds() if task.started_at else None
    since = f"for {whole(ran)}" if ran is not None else "not started"
    st.html(
        f'<div class="letter"><b>{escape(task.task_name)}</b>'
        f"<small>{escape(f'{since} · from {task.queue} · {task.task_id}')}</small></div>"
    )
    if _access.may_for_every_client(by, Permission.RETRY_LETTERS) and st.button(
        row_label("Stop", task.task_name), icon=":material/stop_circle:", key=f"stop_{task.task_id}"
    ):
        _worker_switch.ask("stop", task.task_id)
