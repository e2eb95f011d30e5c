"""Roles and restrictions in words, and the fields that choose them."""

from collections.abc import Collection, Iterable

import streamlit as st

from infra.access.roles import MAX_CLIENT_LENGTH, MAX_CLIENTS, Role

ALLOWS = {
    Role.VIEWER: "funnels and their numbers",
    Role.ANALYST: "also single sessions, and their export",
    Role.OPERATOR: "also dead letters: read and retry",
    Role.ADMIN: "also deletes, people, settings and the audit",
}


def choose_role(key: str, role: Role = Role.VIEWER) -> Role:
    chosen = st.radio(
        "Role",
        list(Role),
        index=list(Role).index(role),
        format_func=str.capitalize,
        captions=[ALLOWS[each].capitalize() for each in Role],
        key=f"{key}_role",
    )
    return chosen or role


def choose_clients(key: str, clients: Iterable[str] | None = None) -> list[str]:
    """The clients that somebody is restricted to; none: no restriction."""
    known = list(clients or ())
    return st.multiselect(
        "Only these clients",
        known,
        default=known,
        accept_new_options=True,
        max_selections=MAX_CLIENTS,
        placeholder="All clients; type an id to restrict",
        help=f"As in client_id of events and letters, up to {MAX_CLIENT_LENGTH} characters each. "
        "An admin sees all.",
        key=f"{key}_clients",
    )


def sees(clients: Collection[str] | None) -> str:
    if clients is None:
        return "all clients"
    first = sorted(clients)[:3]
    more = f" and {len(clients) - len(first)} more" if len(clients) > len(first) else ""
    return f"only {', '.join(first)}{more}"
