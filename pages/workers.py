"""Workers and queues: who is alive, what waits and for how long, and the switches for it.

The page never waits for the broker: it shows what was seen last, says how old that is, and goes on by itself.
"""

import streamlit as st

from dlq.broker.records import BrokerView
from infra.access.roles import Permission
from pages import (
    _access,
    _queue_list,
    _resources,
    _states,
    _worker_breakers,
    _worker_drawer,
    _worker_list,
    _worker_numbers,
    _worker_switch,
)

REFRESH_SECONDS = 2.0

with _states.failures_shown("Workers and queues"):
    _access.enter(Permission.READ_LETTERS)


@st.fragment(run_every=REFRESH_SECONDS)
def live() -> None:
    with _states.failures_shown("Workers and queues"):
        by = _access.enter(Permission.READ_LETTERS)
        view = _resources.watch().view(by)
    _worker_numbers.head(view)
    _worker_switch.said()
    if view.seen_at is None:
        _states.state(
            "Asking the broker", "The first look takes a second or two. The page goes on by itself."
        )
        return
    if view.broker_problem:
        _broker_is_away(view)
    elif not view.alive:
        _nobody_works()
    may_switch = _access.may_for_every_client(by, Permission.RETRY_LETTERS) and not view.broker_problem
    _worker_numbers.numbers(view)
    _worker_numbers.warnings(view)
    if not view.broker_problem:
        with st.container(border=True, key="card_queues"):
            _queue_list.show(view, may_switch=may_switch)
    with st.container(border=True, key="card_workers"):
        _worker_list.show(view, may_switch=may_switch)
    if view.breakers:
        with st.container(border=True, key="card_breakers"):
            _worker_breakers.show(view, may_switch=may_switch)


def _broker_is_away(view: BrokerView) -> None:
    with st.container(border=True, key="card_broker_away"):
        _states.state(
            "The broker does not answer",
            f"{view.broker_problem[:200]}. Tasks that are sent now fail at the sender; workers wait and go on"
            " by themselves once it is back. Check that Redis runs at REDIS_URL.",
        )
        st.space("small")


def _nobody_works() -> None:
    with st.container(border=True, key="card_no_worker"):
        _states.state(
            "No worker is running",
            "Nothing takes tasks from the queues; what is sent waits there. Start one with"
            " celery -A your_app worker, and look into its log when it does not stay.",
        )
        st.space("small")


live()
if asked := _worker_switch.asked():
    _worker_switch.dialog(asked)
elif opened := st.query_params.get("worker"):
    _worker_drawer.drawer(opened)
