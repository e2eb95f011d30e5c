"""The queues: paused ones first, then the fullest; searched and paged when they are many."""

from collections.abc import Sequence

import streamlit as st

from dlq.broker.records import BrokerView, QueueView
from pages import _queue_row, _states
from pages._words import count

ROWS = 15
#: From how many queues on there is a search.
MANY = 8

_MEANING = "In hand: taken by a worker and not acknowledged yet; for later: kept by a worker until its time"


def show(view: BrokerView, *, may_switch: bool) -> None:
    _states.card_head("Queues", _MEANING)
    found = sorted(_searched(view.queues), key=_first)
    pages = -(-len(found) // ROWS) or 1
    page = st.pagination(pages, key="queue_page") if pages > 1 else 1
    for queue in found[(page - 1) * ROWS : page * ROWS]:
        _queue_row.show(queue, may_switch=may_switch)
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
