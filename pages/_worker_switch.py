"""Asking before work is stopped, doing it, and saying who took it up.

What is refused is said where it was asked for, with everything typed still there.
"""

from dataclasses import dataclass
from html import escape

import streamlit as st

from pages import _access, _resources, _states, _switches
from pages._switches import SWITCHES, Do

_ASKED, _REFUSED = "asked_switch", "switch_refused"
_SAID = "switch_said"


@dataclass(frozen=True, slots=True)
class Asked:
    what: str  #: a key of SWITCHES
    subject: str


def ask(what: str, subject: str) -> None:
    """Open the dialog on the next run of the page."""
    _close()
    st.query_params.pop("worker", None)
    st.session_state[_ASKED] = Asked(what, subject)
    st.rerun()


def asked() -> Asked | None:
    found: Asked | None = st.session_state.get(_ASKED)
    return found


def dialog(asked: Asked) -> None:
    switch = SWITCHES[asked.what]
    st.dialog(switch.title, width="small", icon=switch.icon, on_dismiss=_close)(_contents)(asked)


def said() -> None:
    """What came of the last switch."""
    if receipt := st.session_state.get(_SAID):
        with st.container(horizontal=True, vertical_alignment="center", key="switch_said_box"):
            st.info(receipt, icon=":material/info:")
            st.button("Dismiss", key="switch_dismiss", type="tertiary", on_click=_dismiss)


def resume(queue: str) -> None:
    _at_once(_switches.resume, queue)


def put_back(task_name: str) -> None:
    _at_once(_switches.put_back, task_name)


def _close() -> None:
    for name in (_ASKED, _REFUSED):
        st.session_state.pop(name, None)


def _dismiss() -> None:
    st.session_state.pop(_SAID, None)


def _contents(asked: Asked) -> None:
    _access.signed_in()
    switch = SWITCHES[asked.what]
    subject = asked.subject
    if asked.what == "revoke":
        subject = st.text_input("Task id", key="switch_task_id").strip()
    st.html(f'<div class="sub">{switch.follows.format(subject=f"<b>{escape(subject)}</b>")}</div>')
    if asked.what == "limit":
        _limits()
    st.text_input("Why", key="switch_reason", placeholder="Kept in the audit")
    if refused := st.session_state.pop(_REFUSED, None):
        st.warning(refused, icon=":material/front_hand:")
    pressed = st.button(
        switch.button,
        type="primary",
        icon=switch.icon,
        key="switch_confirm",
        disabled=not subject,
        on_click=_confirmed,
        args=(switch.do, subject),
    )
    if pressed and not refused:
        st.rerun()


def _limits() -> None:
    with st.container(horizontal=True):
        for name in ("soft", "hard"):
            label = f"{name.capitalize()} limit in seconds"
            st.number_input(label, min_value=1, value=None, placeholder="none", key=f"switch_{name}")


def _confirmed(do: Do, subject: str) -> None:
    refused = _refused(do, subject, st.session_state["switch_reason"])
    if refused:
        st.session_state[_REFUSED] = refused
    else:
        _close()


def _at_once(do: Do, subject: str) -> None:
    if refused := _refused(do, subject, reason=""):
        st.session_state[_SAID] = refused


def _refused(do: Do, subject: str, reason: str) -> str:
    """Do it; why it was refused, or "" with what came of it kept to be said."""
    try:
        st.session_state[_SAID] = do(_resources.control(), _access.signed_in(), subject, reason)
    except _states.REFUSED as error:
        return _states.refusal(error)
    return ""
