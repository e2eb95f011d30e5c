"""Saving a draft: what keeps it from being saved, who has saved in between, and the next version."""

from html import escape

import streamlit as st

from analytics import definitions
from analytics.changes import changes
from analytics.definitions import SavedFunnel
from analytics.drafts import Problem
from analytics.errors import AnalyticsError
from analytics.funnels import FunnelDefinition
from infra.errors import AccessDenied
from pages import _access, _definition_drafts, _resources, _states
from pages._definition_drafts import Editing
from pages._words import ago
from recovery import definitions as service

SHOWN_CHANGES = 12


def card(editing: Editing, found: FunnelDefinition | Problem, newest: SavedFunnel | None) -> None:
    """Status, what the next version changes, save and discard. `newest` is the saved version now."""
    over = newest.version if newest else 0
    with st.container(border=True, key="card_dfn_save"):
        _states.card_head(*_status(editing, over))
        if isinstance(found, Problem) and editing.is_unsaved:
            said = f"{escape(found.place)} is not complete; the reason stands there."
            st.html(f'<div class="dfn-problem">{said}</div>')
        if newest and editing.base and newest.version > editing.base.version:
            _in_between(editing.base, newest)
        elif editing.base and isinstance(found, FunnelDefinition):
            listed(changes(editing.base.definition, found))
        _buttons(editing, found, over)
        if refused := st.session_state.pop("dfn_refused", None):
            st.warning(refused, icon=":material/front_hand:")


def listed(sentences: list[str]) -> None:
    """What differs, one line each."""
    more = sentences[SHOWN_CHANGES:]
    shown = [*sentences[:SHOWN_CHANGES], *([f"and {len(more)} more"] if more else [])]
    if shown:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in shown)
        st.html(f'<ul class="dfn-changes">{items}</ul>')


def _status(editing: Editing, over: int) -> tuple[str, str]:
    if not editing.is_unsaved:
        return (f"Version {over}", "Nothing to save") if over else ("New funnel", "Nothing written yet")
    kept = "Kept while you look at other pages, until you sign out or close the tab"
    return "Unsaved changes", kept


def _in_between(base: SavedFunnel, newest: SavedFunnel) -> None:
    st.warning(
        f"{newest.saved_by} saved version {newest.version} {ago(newest.saved_at, _resources.now())}, after "
        f"you began with version {base.version}. It changed what follows; your draft does not have it. "
        "Saving keeps both versions in the history, and yours will count.",
        icon=":material/group:",
    )
    listed(changes(base.definition, newest.definition) or ["Nothing that counts"])


def _buttons(editing: Editing, found: FunnelDefinition | Problem, over: int) -> None:
    is_behind = editing.base is not None and over > editing.base.version
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Save over version {over}" if is_behind else f"Save version {over + 1}",
            icon=":material/save:",
            type="primary",
            key="dfn_save",
            disabled=isinstance(found, Problem) or not editing.is_unsaved,
            on_click=_save,
            args=(editing.slot, found, over),
        )
        st.button(
            f"Take version {over}" if is_behind else "Discard",
            icon=":material/undo:",
            key="dfn_discard",
            disabled=not (editing.is_unsaved or is_behind),
            on_click=_definition_drafts.forget,
            args=(editing.slot,),
        )


def _save(slot: str, definition: FunnelDefinition, over: int) -> None:
    try:
        saved = service.save(_resources.engine(), _access.signed_in(), definition, over=over)
    except (AnalyticsError, AccessDenied) as error:
        st.session_state["dfn_refused"] = str(error)
        return
    _definition_drafts.forget(slot)
    st.query_params.from_dict({"edit": definition.name})
    st.toast(f"Saved as version {saved.version}.", icon=":material/check:")


def newest_of(editing: Editing) -> SavedFunnel | None:
    """The saved version now, of the funnel that is edited; None for a new one."""
    return definitions.latest(_resources.engine(), editing.base.definition.name) if editing.base else None
