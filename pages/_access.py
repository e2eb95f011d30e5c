"""Who is looking. Every page begins with `enter`, and every fragment that acts calls it again.

The session is looked up each time, so one that was ended elsewhere stops here on its next run.
"""

from uuid import uuid4

import streamlit as st

from infra.access import sessions
from infra.access.guard import SIGN_IN_PATH
from infra.access.roles import Permission, Person
from infra.audit import note_source
from infra.logs import bind
from pages import _resources, _states


def signed_in() -> Person:
    """The person at the browser; without one the page ends here, with the way to sign in."""
    person = sessions.find_person(_resources.engine(), session_key(), now=_resources.now())
    if person is None:
        with st.container(border=True, key="card_signed_out"):
            _states.state(
                "Your session has ended", "Sign in again to go on; your filters are in the address."
            )
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.link_button("Sign in", SIGN_IN_PATH, type="primary")
            st.space("medium")
        st.stop()
    bind(person=person.login, request_id=uuid4().hex)
    _note_source()
    return person


def enter(permission: Permission) -> Person:
    """The person at the browser, if their role allows this page; otherwise the page ends here and says so."""
    person = signed_in()
    if not person.may(permission):
        with st.container(border=True, key="card_refused"):
            _states.state(
                "Your role does not show this page",
                f"You are signed in as {person.login}, {person.role}. An admin can give you another role.",
            )
            st.space("medium")
        st.stop()
    return person


def may_for_every_client(by: Person, permission: Permission) -> bool:
    """Whether they may do what concerns all clients, such as to pause a queue."""
    return by.may(permission) and by.clients is None


def session_key() -> str:
    return str(st.user.get("session") or "")


def sign_out() -> None:
    _note_source()
    sessions.sign_out(_resources.engine(), session_key())


def _note_source() -> None:
    address = st.context.ip_address
    # Streamlit names none when it is asked from its own machine.
    note_source(address if isinstance(address, str) else "127.0.0.1")
