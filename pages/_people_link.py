"""A link that signs somebody in once, shown once to whoever passes it on."""

from html import escape
from urllib.parse import urlsplit

import streamlit as st

from infra.access import sessions
from infra.access.guard import SIGN_IN_PATH
from infra.access.roles import Permission, Person
from pages import _access, _resources, _states


def show(person: Person) -> None:
    """A new link for `person`. Shown again, it is another one."""
    by = _access.enter(Permission.MANAGE_PEOPLE)
    try:
        token = sessions.create_link(_resources.engine(), person, by=by.login, now=_resources.now())
    except _states.REFUSED as error:
        st.warning(_states.refusal(error), icon=":material/front_hand:")
        return
    st.html(f'<div class="sub">Send this link to <b>{escape(person.login)}</b>.</div>')
    st.code(f"{_page_url()}{SIGN_IN_PATH}?token={token}", language=None, wrap_lines=True)
    st.caption(f"It signs them in once, within {sessions.LINK_HOURS} hours, and is not shown again.")


def _page_url() -> str:
    here = urlsplit(str(st.context.url))
    return f"{here.scheme}://{here.netloc}"
