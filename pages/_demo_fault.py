"""The switch for the demo's fault. Shown where a demo has set the dial, and nowhere else."""

import streamlit as st

from infra.access.roles import Permission, Person
from onboarding import faults
from onboarding.demo import FAULT_SHARE
from pages import _access, _resources


def switch(by: Person) -> None:
    fault = faults.find(_resources.engine(), faults.ASSISTANT_TIMEOUT)
    if fault is None:
        return
    # Somebody else may have turned it: what the database says is what the switch shows.
    st.session_state["demo_fault"] = fault.share > 0
    with st.container(border=True, key="card_fault"):
        st.toggle(
            "Demo fault: the assistant times out",
            key="demo_fault",
            on_change=_turn,
            disabled=not by.may(Permission.MANAGE_SETTINGS),
        )
        st.caption(
            f"While it is on, {FAULT_SHARE:.0%} of the demo's new sessions meet an assistant that does not "
            "answer. Switch it off, then retry: the sessions go on."
        )


def _turn() -> None:
    share = FAULT_SHARE if st.session_state["demo_fault"] else 0.0
    faults.turn(
        _resources.engine(), faults.ASSISTANT_TIMEOUT, share, by=_access.signed_in(), at=_resources.now()
    )
