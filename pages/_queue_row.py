"""One queue: what waits by priority, what workers hold, the oldest message, and the pause switch."""

from collections.abc import Iterator
from html import escape

import streamlit as st

from dlq.broker.records import QueueView
from pages import _resources, _worker_switch
from pages._row_label import row_label
from pages._words import ago, count
from pages._worker_numbers import waits

#: The same for all rows, so that figures stand under each other.
SWITCH_PIXELS = 132


def show(queue: QueueView, *, may_switch: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row_q_{queue.name}"):
        st.html(_text(queue) + _figures(queue))
        if may_switch:
            with st.container(width=SWITCH_PIXELS, gap="xsmall"):
                _switches(queue)


def _switches(queue: QueueView) -> None:
    if queue.pause:
        st.button(
            row_label("Resume", queue.name),
            icon=":material/play_arrow:",
            key=f"resume_{queue.name}",
            on_click=_worker_switch.resume,
            args=(queue.name,),
            width="stretch",
        )
    served = bool(queue.workers)
    if (served or not queue.pause) and st.button(
        row_label("Pause again" if queue.pause else "Pause", queue.name),
        icon=":material/pause:",
        key=f"pause_{queue.name}",
        disabled=not served,
        width="stretch",
        help=f"Workers leave {queue.name} alone until it is resumed" if served else _workers(queue),
    ):
        _worker_switch.ask("pause", queue.name)


def _text(queue: QueueView) -> str:
    paused = ' <i class="severity high">Paused</i>' if queue.pause else ""
    left = queue.waiting and not queue.workers and not queue.pause
    served = f'<em class="off less">{_workers(queue)}</em>' if left else escape(_workers(queue))
    parts = [served, *map(escape, _said(queue))]
    return (
        f'<div class="queue"><div class="letter"><b>{escape(queue.name)}</b>{paused}'
        f"<small>{' · '.join(parts)}</small></div>"
    )


def _said(queue: QueueView) -> Iterator[str]:
    if queue.pause:
        why = f": {queue.pause.reason}" if queue.pause.reason else ""
        yield f"paused by {queue.pause.by} {ago(queue.pause.at, _resources.now())}{why}"
    if queue.next_tasks:
        yield f"next {', '.join(list(queue.next_tasks)[:2])}"
    if set(queue.by_priority) - {0}:
        parts = (f"{count(number)} at {priority}" for priority, number in queue.by_priority.items())
        yield f"by priority {', '.join(parts)}"


def _workers(queue: QueueView) -> str:
    number = len(queue.workers)
    if not number:
        return "no worker takes from it"
    return f"taken by {queue.workers[0]}" if number == 1 else f"taken by {number} workers"


def _figures(queue: QueueView) -> str:
    pairs = [
        (count(queue.waiting), "waiting"),
        (count(queue.taken), "in hand"),
        (count(queue.scheduled), "for later"),
        (waits(queue), "oldest"),
    ]
    cells = "".join(
        f"<span><b>{escape(number)}</b><small>{escape(of)}</small></span>" for number, of in pairs
    )
    return f'<div class="figures">{cells}</div></div>'
