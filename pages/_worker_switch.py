"""Asking before work is stopped, doing it, and saying who took it up."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import streamlit as st

from dlq.broker.control import BrokerControl, Receipt
from dlq.broker.records import Limits
from infra.access.roles import Person
from pages import _access, _resources, _states

Switch = Callable[[BrokerControl, Person, str], str]


@dataclass(frozen=True, slots=True)
class Asked:
    what: str
    subject: str


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    button: str
    icon: str
    follows: str


WORDS = {
    "pause": Words(
        "Pause a queue",
        "Pause",
        ":material/pause:",
        "Workers leave {subject} alone from now on; what they have taken already goes on. Messages wait in"
        " the queue until you press Resume. A worker that starts meanwhile takes from it all the same.",
    ),
    "stop": Words(
        "Stop a running task",
        "Stop it",
        ":material/stop_circle:",
        "The process that runs {subject} is ended in the middle of its work, and the task is not run again by"
        " itself. With dlq.install it becomes a dead letter; a retry of that letter is the way back.",
    ),
    "revoke": Words(
        "Revoke a task",
        "Revoke",
        ":material/block:",
        "Workers throw the task away when they get to it. They keep that in memory: one that restarts has"
        " forgotten it. With dlq.install it becomes a dead letter; a retry of that letter is the way back.",
    ),
    "limit": Words(
        "Time limits of a task",
        "Set",
        ":material/timer:",
        "Counts for {subject} from the next message on, in every worker with dlq.install, until it restarts"
        " or you press Put back. Soft: an exception in the task. Hard: its process is killed.",
    ),
    "close": Words(
        "Close a circuit breaker",
        "Close",
        ":material/power:",
        "Calls to {subject} pass again at once and all counts begin anew. If it is still down, they fail"
        " until the breaker opens again.",
    ),
}


def ask(what: str, subject: str) -> None:
    """Open the dialog on the next run of the page."""
    st.query_params.pop("worker", None)
    st.session_state["asked_switch"] = Asked(what, subject)
    st.rerun()


def asked() -> Asked | None:
    found: Asked | None = st.session_state.get("asked_switch")
    return found


def dialog(asked: Asked) -> None:
    words = WORDS[asked.what]
    st.dialog(words.title, width="small", icon=words.icon, on_dismiss=_close)(_contents)(asked)


def said() -> None:
    """What came of the last switch."""
    if receipt := st.session_state.get("switch_said"):
        with st.container(horizontal=True, vertical_alignment="center", key="switch_said_box"):
            st.info(receipt, icon=":material/info:")
            st.button("Dismiss", key="switch_dismiss", type="tertiary", on_click=_dismiss)


def resume(queue: str) -> None:
    _do(lambda control, by, reason: _told(control.resume(by, queue, reason), f"{queue} is taken from again"))


def put_back(task_name: str) -> None:
    done = f"{task_name} has its old time limits"
    _do(lambda control, by, reason: _told(control.put_back(by, task_name, reason), done))


def _close() -> None:
    st.session_state.pop("asked_switch", None)


def _dismiss() -> None:
    st.session_state.pop("switch_said", None)


def _contents(asked: Asked) -> None:
    words = WORDS[asked.what]
    subject = asked.subject
    if asked.what == "revoke":
        subject = st.text_input("Task id", key="switch_task_id").strip()
    st.html(f'<div class="sub">{words.follows.format(subject=_named(subject))}</div>')
    if asked.what == "limit":
        with st.container(horizontal=True):
            for name in ("soft", "hard"):
                label = f"{name.capitalize()} limit in seconds"
                st.number_input(label, min_value=1, value=None, placeholder="none", key=f"switch_{name}")
    st.text_input("Why", key="switch_reason", placeholder="Kept in the audit")
    if st.button(
        words.button,
        type="primary",
        icon=words.icon,
        key="switch_confirm",
        disabled=not subject,
        on_click=_confirmed,
        args=(Asked(asked.what, subject),),
    ):
        st.rerun()


def _confirmed(asked: Asked) -> None:
    _close()
    _do(_SWITCHES[asked.what](asked.subject), st.session_state["switch_reason"])


def _do(switch: Switch, reason: str = "") -> None:
    try:
        by = _access.signed_in()
        st.session_state["switch_said"] = switch(_resources.control(), by, reason)
    except _states.REFUSED as error:
        st.session_state["switch_said"] = _states.refusal(error)


def _pause(queue: str) -> Switch:
    return lambda control, by, reason: _told(control.pause(by, queue, reason), f"{queue} is paused")


def _stop(task_id: str) -> Switch:
    done = f"{task_id} is being stopped"
    return lambda control, by, reason: _told(control.revoke(by, task_id, reason, stop=True), done)


def _revoke(task_id: str) -> Switch:
    done = f"{task_id} will be thrown away when a worker gets to it"
    return lambda control, by, reason: _told(control.revoke(by, task_id, reason), done)


def _limit(task_name: str) -> Switch:
    limits = Limits(st.session_state.get("switch_soft"), st.session_state.get("switch_hard"))
    done = f"{task_name} has new time limits"
    return lambda control, by, reason: _told(control.limit(by, task_name, limits, reason), done)


def _close_breaker(dependency: str) -> Switch:
    def switch(control: BrokerControl, by: Person, reason: str) -> str:
        held = control.close_breaker(by, dependency, reason)
        return (
            f"Calls to {dependency} pass." if held else f"The breaker of {dependency} held nothing any more."
        )

    return switch


_SWITCHES = {
    "pause": _pause,
    "stop": _stop,
    "revoke": _revoke,
    "limit": _limit,
    "close": _close_breaker,
}


def _told(receipt: Receipt, done: str) -> str:
    parts = [f"{done}: {', '.join(receipt.agreed)} agreed"] if receipt.agreed else ["Nobody agreed"]
    parts += [f"{name} said: {problem}" for name, problem in receipt.refused.items()]
    if receipt.silent:
        parts.append(f"{', '.join(receipt.silent)} did not answer and may still do it")
    return f"{'. '.join(parts)}."


def _named(subject: str) -> str:
    return f"<b>{escape(subject)}</b>"
