"""Changes of an account that the drawer asks for: done, said in a toast, or refused where they were asked."""

from collections.abc import Callable

import streamlit as st

from infra.access import accounts, open_sessions, tokens
from infra.access.open_sessions import OpenSession
from infra.access.roles import Person
from infra.access.tokens import Token
from pages import _access, _resources, _states

_REFUSED = "person_refused"


def refused() -> None:
    """Why the last change was not made."""
    if sentence := st.session_state.pop(_REFUSED, None):
        st.warning(sentence, icon=":material/front_hand:")


def act(change: Callable[[Person], object], done: str) -> None:
    """Make the change as whoever is signed in at this moment, and draw the page anew."""
    try:
        change(_access.signed_in())
    except _states.REFUSED as error:
        st.session_state[_REFUSED] = _states.refusal(error)
    else:
        st.toast(done, icon=":material/check:")
    st.rerun()


def set_password(login: str, password: str | None) -> None:
    act(
        lambda by: accounts.set_password(_resources.engine(), by, login, password),
        f"{login} has a new password." if password else f"{login} has no password any more.",
    )


def sign_out_everywhere(login: str) -> None:
    act(
        lambda by: open_sessions.sign_out_everywhere(_resources.engine(), by, login),
        f"{login} is signed out everywhere.",
    )


def switch_off(login: str) -> None:
    act(
        lambda by: accounts.switch_off(_resources.engine(), by, login, now=_resources.now()),
        f"{login} is switched off.",
    )


def switch_on(login: str) -> None:
    act(
        lambda by: accounts.switch_on(_resources.engine(), by, login),
        f"{login} is switched on.",
    )


def remove(login: str) -> None:
    def change(by: Person) -> None:
        accounts.remove(_resources.engine(), by, login)
        st.query_params.pop("person", None)

    act(change, f"{login} is removed.")


def end(session: OpenSession) -> None:
    act(
        lambda by: open_sessions.end(_resources.engine(), by, session.key),
        f"A session of {session.login} has ended.",
    )


def revoke(token: Token) -> None:
    act(
        lambda by: tokens.revoke(_resources.engine(), by, token.number, now=_resources.now()),
        f"The token {token.name} is revoked.",
    )
