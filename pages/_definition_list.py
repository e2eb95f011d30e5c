"""The list of funnels on the Settings page: those on offer, new ones never saved, and the archived."""

import streamlit as st

from analytics import definitions
from analytics.drafts import Draft
from pages import _definition_drafts, _definition_rows, _downloads, _resources, _states


def show() -> None:
    engine = _resources.engine()
    offered, archived = definitions.all_latest(engine), definitions.all_latest(engine, archived=True)
    _definition_drafts.forget_unchanged()
    unsaved = _definition_drafts.unsaved()
    with st.container(border=True, key="card_dfn_list"):
        _head()
        for editing in unsaved.values():
            if editing.base is None:
                _definition_rows.unsaved_new(editing)
        for saved in offered:
            _definition_rows.funnel(
                saved, is_unsaved=_definition_drafts.slot_of(saved.definition.name) in unsaved
            )
        if not offered:
            _states.state("No funnel is offered", "Write one, or bring an archived one back.")
        if offered or archived:
            st.html(_downloads.of_table("definitions"))
    if refused := st.session_state.pop("dfn_refused", None):
        st.warning(refused, icon=":material/front_hand:")
    if archived:
        with st.expander(f"Archived · {len(archived)}", icon=":material/inventory_2:", key="dfn_archived"):
            for saved in archived:
                _definition_rows.archived(saved)


def _head() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(width="content"):
            _states.card_head("Funnels", "A saved version is never overwritten; saving again makes the next")
        st.button(
            "New funnel",
            icon=":material/add:",
            type="primary",
            key="dfn_new",
            on_click=_definition_rows.write,
            args=(Draft(),),
        )
