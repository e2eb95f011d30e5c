"""The editor of one funnel: its controls on the left, saving and the preview on the right."""

from dataclasses import replace

import streamlit as st

from analytics import definitions
from analytics.drafts import Draft, Problem
from analytics.errors import UnknownFunnel
from analytics.funnels import FunnelDefinition
from infra.access.roles import Person
from pages import (
    _definition_basics,
    _definition_dimensions,
    _definition_drafts,
    _definition_exclusions,
    _definition_json,
    _definition_preview,
    _definition_saving,
    _definition_steps,
    _definition_versions,
    _resources,
)
from pages._definition_drafts import Editing
from pages._definition_fields import Fields


def show(by: Person, editing: Editing) -> None:
    _head(editing)
    fields = Fields()
    left, right = st.columns([1.7, 1], gap="small")
    with left:
        editing = replace(editing, draft=_edited(editing, fields))
    _definition_drafts.keep(editing)
    found = _checked(editing)
    if isinstance(found, Problem) and editing.is_unsaved:
        fields.say(found)
    with right, st.container(key="dfn_side"):
        _definition_saving.card(editing, found, _definition_saving.newest_of(editing))
        preview = st.container()
        _definition_json.card(editing)
    with preview:
        saved = editing.base.definition if editing.base else None
        _definition_preview.card(by, None if isinstance(found, Problem) else found, saved)


def _head(editing: Editing) -> None:
    draft = editing.draft
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", key="page_head"
    ):
        with st.container(width="content", gap=None):
            st.title(draft.title or draft.name or "New funnel", anchor=False)
            st.html('<div class="sub">Every save is a new version; nothing is overwritten.</div>')
        with st.container(horizontal=True, width="content", gap="small"):
            st.button("All funnels", icon=":material/arrow_back:", key="dfn_back", on_click=_leave)
            if editing.base and st.button("Versions", icon=":material/history:", key="dfn_versions"):
                _definition_versions.drawer(editing.base.definition.name)


def _leave() -> None:
    _definition_drafts.forget_unchanged()
    st.query_params.clear()


def _edited(editing: Editing, fields: Fields) -> Draft:
    draft = _definition_basics.edit(editing.draft, fields)
    draft = _definition_steps.edit(editing, draft, fields)
    draft = _definition_exclusions.edit(editing, draft, fields)
    return _definition_dimensions.edit(editing.slot, draft, fields)


def _checked(editing: Editing) -> FunnelDefinition | Problem:
    """What the draft says, or the first thing that is wrong; the name of another funnel is."""
    found = editing.draft.check()
    if editing.base or isinstance(found, Problem):
        return found
    try:
        taken = definitions.latest(_resources.engine(), found.name)
    except UnknownFunnel:
        return found
    return Problem("name", f"is taken by {taken.definition.title or taken.definition.name}")
