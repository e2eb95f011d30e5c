"""One funnel in the list on the Settings page, and what can be done with it."""

from collections.abc import Callable
from html import escape

import streamlit as st
from sqlalchemy import Engine

from analytics.definitions import SavedFunnel
from analytics.drafts import Draft
from analytics.errors import AnalyticsError
from infra.access.roles import Person
from infra.errors import AccessDenied
from pages import _access, _definition_drafts, _definition_versions, _resources
from pages._words import ago, duration
from recovery import definitions as service

_MORE = ("Duplicate", "Versions", "Archive")


def funnel(saved: SavedFunnel, *, is_unsaved: bool) -> None:
    definition = saved.definition
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"dfnrow_{definition.name}"
    ):
        facts = [
            f"{duration(definition.window_seconds)} window",
            definition.order,
            f"version {saved.version}",
            f"{saved.saved_by}, {ago(saved.saved_at, _resources.now())}",
        ]
        _text(definition.title or definition.name, " → ".join(s.label for s in definition.steps), facts)
        if is_unsaved:
            st.badge("Unsaved changes", color="orange", width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            st.button(
                "Edit",
                key=f"dfn_edit_{definition.name}",
                on_click=st.query_params.from_dict,
                args=({"edit": definition.name},),
                help=f"Edit {definition.title or definition.name}",
            )
            chosen = st.menu_button(
                "More", _MORE, key=f"dfn_more_{definition.name}", help=f"More for {definition.name}"
            )
    if chosen == "Versions":
        _definition_versions.drawer(definition.name)
    elif chosen == "Duplicate":
        write(Draft.copy_of(definition))
        st.rerun()
    elif chosen == "Archive":
        _act(service.archive, definition.name)


def unsaved_new(editing: _definition_drafts.Editing) -> None:
    draft = editing.draft
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"dfnrow_{editing.slot}"
    ):
        _text(draft.title or "New funnel", " → ".join(step.name for step in draft.steps), ["never saved"])
        st.badge("Unsaved", color="orange", width="content")
        st.button(
            "Continue",
            key=f"dfn_continue_{editing.slot}",
            on_click=st.query_params.from_dict,
            args=({"new": editing.slot},),
        )
        st.button(
            "Discard",
            key=f"dfn_drop_{editing.slot}",
            on_click=_definition_drafts.forget,
            args=(editing.slot,),
        )


def archived(saved: SavedFunnel) -> None:
    name = saved.definition.name
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"dfnrow_old_{name}"):
        _text(saved.definition.title or name, "", [f"version {saved.version}"])
        if st.button("Bring back", key=f"dfn_bring_back_{name}"):
            _act(service.unarchive, name)


def write(draft: Draft) -> None:
    st.query_params.from_dict({"new": _definition_drafts.begin_new(draft)})


def _act(change: Callable[[Engine, Person, str], None], name: str) -> None:
    try:
        change(_resources.engine(), _access.signed_in(), name)
    except (AnalyticsError, AccessDenied) as error:
        st.session_state["dfn_refused"] = str(error)
    st.rerun()


def _text(title: str, steps: str, facts: list[str]) -> None:
    st.html(
        f'<div class="letter"><b>{escape(title)}</b> <span>{escape(steps)}</span>'
        f"<small>{escape(' · '.join(facts))}</small></div>"
    )
