"""What people decide about a group: a note, that it is muted, that it is fixed; each can be taken back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import streamlit as st

from dlq.groups import console
from dlq.groups.summary import GroupState, GroupSummary
from infra import audit
from pages import _access, _refused, _resources

_MUTES = {
    "Mute for a day": timedelta(days=1),
    "Mute for a week": timedelta(weeks=1),
    "Mute until opened again": None,
}


def state(group: GroupSummary) -> None:
    """The ways to another state of the group."""
    if group.state is GroupState.OPEN:
        with st.popover("Mute", icon=":material/notifications_off:"):
            st.caption("A muted group is out of the open ones. Its letters stay and can be retried.")
            for label, span in _MUTES.items():
                st.button(label, key=label, on_click=_mute, args=(group.fingerprint, span), width="stretch")
        with st.popover("Fixed", icon=":material/task_alt:"):
            _fixed(group)
    else:
        st.button(
            "Open again",
            icon=":material/undo:",
            key="group_reopen",
            on_click=_reopen,
            args=(group.fingerprint,),
        )
    _refused.show(f"group_{group.fingerprint}")


def note(group: GroupSummary) -> None:
    """What colleagues should know of it. Two who write at once: the later one stays."""
    key = f"group_note_{group.fingerprint}"
    with st.form(f"form_{key}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Note",
            group.note,
            key=key,
            max_chars=console.MAX_NOTE,
            placeholder="What colleagues should know: cause, ticket, who is on it",
        )
        st.form_submit_button("Save note", on_click=_annotate, args=(group.fingerprint, key))


def _fixed(group: GroupSummary) -> None:
    st.caption("The group opens again by itself when it fails once more after this.")
    key = f"group_release_{group.fingerprint}"
    st.text_input(
        "In release", key=key, max_chars=console.MAX_RELEASE, placeholder="As DLQ_RELEASE of the workers"
    )
    st.button(
        "Mark fixed", key="group_fixed", type="primary", on_click=_mark_fixed, args=(group.fingerprint, key)
    )


def _mute(fingerprint: str, span: timedelta | None) -> None:
    _decide(console.mute, fingerprint, None if span is None else _resources.now() + span)


def _reopen(fingerprint: str) -> None:
    _decide(console.reopen, fingerprint)


def _mark_fixed(fingerprint: str, key: str) -> None:
    _decide(console.mark_fixed, fingerprint, st.session_state[key])


def _annotate(fingerprint: str, key: str) -> None:
    _decide(console.annotate, fingerprint, st.session_state[key], said="The note is saved.")


def _decide(decision: Callable[..., GroupSummary], fingerprint: str, *chosen: Any, said: str = "") -> None:
    """Do it and say so; what refused it is said beside the decisions."""
    with _refused.kept(f"group_{fingerprint}"):
        by = _access.signed_in()
        decision(
            _resources.engine(), by, fingerprint, *chosen, redactor=_resources.redactor(), audit=audit.record
        )
        if said:
            st.toast(said)
