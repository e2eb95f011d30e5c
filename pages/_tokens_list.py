"""The tokens for REST, the newest first, and the way to revoke each."""

from html import escape

import streamlit as st

from infra.access import tokens
from infra.access.roles import Permission
from infra.access.tokens import Token
from pages import _access, _people_changes, _resources, _states, _tokens_new
from pages._people_words import sees
from pages._row_label import row_label
from pages._words import ago

ROWS = 20


def show() -> None:
    by = _access.enter(Permission.MANAGE_PEOPLE)
    found = tokens.tokens(_resources.engine(), by)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        _states.card_head("Tokens", "For programs that use REST; each is shown once, when it is made")
        if st.button("New token", icon=":material/key:", key="token_new"):
            _tokens_new.dialog()
    pages = -(-len(found) // ROWS) or 1
    page = st.pagination(pages, key="token_page") if pages > 1 else 1
    for token in found[(page - 1) * ROWS : page * ROWS]:
        _row(token)
    if not found:
        _states.state("No token yet", "A program sends one as Authorization: Bearer.")
        st.space("small")


def _row(token: Token) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"row_token_{token.number}"
    ):
        st.html(
            f'<div class="letter"><b>{escape(token.name)}</b> <span>{escape(token.login)}</span>'
            f"<small>{escape(' · '.join(_facts(token)))}</small></div>"
        )
        if token.revoked_at:
            st.badge("Revoked", color="gray", width="content")
        elif not token.works(_resources.now()):
            st.badge("Expired", color="gray", width="content")
        elif st.button(row_label("Revoke", token.name), key=f"revoke_{token.number}"):
            _people_changes.revoke(token)


def _facts(token: Token) -> list[str]:
    now = _resources.now()
    return [
        f"{token.role}, sees {sees(token.clients)}",
        f"used {ago(token.last_used_at, now)}" if token.last_used_at else "never used",
        f"until {token.expires_at:%d %b %Y}",
        f"made by {token.created_by} {ago(token.created_at, now)}",
    ]
