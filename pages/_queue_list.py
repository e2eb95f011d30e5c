"""The queues: what waits by priority, what workers hold, the oldest message, and the pause switch."""

from collections.abc import Iterator, Sequence
from html import escape

import streamlit as st

from dlq.broker.records import BrokerView, QueueView
from pages import _resources, _states, _worker_switch
from pages._row_label import row_label
from pages._words import ago, count
from pages._worker_numbers import waits

ROWS = 15
#: From how many queues on there is a search.
MANY = 8
#: The same for all rows, so that figures stand under each other.
SWITCH_PIXELS = 132

_MEANING = "In hand: taken by a worker and not acknowledged yet; for later: kept by a worker until its time"


def show(view: BrokerView, *, may_switch: bool) -> None:
    _states.card_head("Queues", _MEANING)
    found = sorted(_searched(view.queues), key=_first)
    pages = -(-len(found) // ROWS) or 1
    page = st.pagination(pages, key="queue_page") if pages > 1 else 1
    for queue in found[(page - 1) * ROWS : page * ROWS]:
        _row(queue, may_switch=may_switch)
    if not found:
        _states.state("No queue by that name", "Queues appear once a worker or a sender has declared them.")
    if view.taken_at_least:
        st.caption("Workers hold more messages than were counted: in hand and for later are too low.")
    if view.queues_left_out:
        st.caption(f"{count(view.queues_left_out)} further queues are not shown.")


def _searched(queues: Sequence[QueueView]) -> Sequence[QueueView]:
    if len(queues) < MANY:
        return queues
    words = st.text_input(
        "Find a queue",
        key="queue_search",
        placeholder=f"Find one of {len(queues)} queues",
        icon=":material/search:",
        label_visibility="collapsed",
        width=280,
    )
    return [queue for queue in queues if words.strip().lower() in queue.name.lower()]


def _first(queue: QueueView) -> tuple[bool, int, int, str]:
    """Paused ones first, then the fullest."""
    return queue.pause is None, -queue.waiting, -queue.taken, queue.name


def _row(queue: QueueView, *, may_switch: bool) -> None:
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
