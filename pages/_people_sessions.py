"""The sessions that are open, last seen first, and the way to end those of a login."""

from html import escape

import streamlit as st

from infra.access import open_sessions
from infra.access.open_sessions import OpenSession
from infra.access.roles import Permission
from infra.access.sessions import Began
from pages import _access, _people_changes, _resources, _states
from pages._row_label import row_label
from pages._words import ago

ROWS = 20
_BEGAN = {Began.LINK: "by link", Began.PASSWORD: "by password", Began.OIDC: "with the provider"}


def show() -> None:
    by = _access.enter(Permission.MANAGE_PEOPLE)
    found = open_sessions.open_sessions(_resources.engine(), by, now=_resources.now())
    _states.card_head("Signed in", "Sessions that are open; each ends by itself after half a day")
    pages = -(-len(found) // ROWS) or 1
    page = st.pagination(pages, key="session_page") if pages > 1 else 1
    for session in found[(page - 1) * ROWS : page * ROWS]:
        _row(session, is_own=session.key == _access.session_key())


def _row(session: OpenSession, *, is_own: bool) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"row_session_{session.key[:16]}"
    ):
        st.html(
            f'<div class="letter"><b>{escape(session.login)}</b>'
            f"<small>{escape(' · '.join(_facts(session)))}</small></div>"
        )
        if is_own:
            st.badge("This one", color="green", width="content")
        elif st.button(row_label("End", f"session of {session.login}"), key=f"end_{session.key[:16]}"):
            _people_changes.end(session)


def _facts(session: OpenSession) -> list[str]:
    now = _resources.now()
    parts = [
        f"{_BEGAN[session.began]} {ago(session.created_at, now)}",
        f"seen {ago(session.seen_at, now)}",
        f"from {session.source}" if session.source else "",
        "" if session.has_account else f"{session.role}, without an account",
    ]
    return [part for part in parts if part]
