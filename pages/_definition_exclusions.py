"""The exclusions of a draft: what must not happen between two of its steps."""

from dataclasses import replace
from functools import partial

import streamlit as st

from analytics.drafts import Draft, DraftExclusion
from pages import _definition_drafts, _definition_events, _definition_filters, _states
from pages import _definition_words as words
from pages._definition_drafts import Editing
from pages._definition_fields import Fields


def edit(editing: Editing, draft: Draft, fields: Fields) -> Draft:
    """The controls of all exclusions; what they say now."""
    with st.container(border=True, key="card_dfn_exclusions"):
        is_unordered = draft.order == "unordered"
        _states.card_head("Exclusions", words.EXCLUSIONS_UNORDERED if is_unordered else words.EXCLUSIONS)
        exclusions = tuple(
            _exclusion(editing, draft, exclusion, f"exclusions[{at}]", fields)
            for at, exclusion in enumerate(draft.exclusions)
        )
        fields.place("exclusions")
        st.button(
            "Add exclusion",
            icon=":material/add:",
            key="dfn_add_exclusion",
            disabled=not draft.steps,
            on_click=_definition_drafts.change,
            args=(editing.slot, Draft.with_exclusion),
        )
    return replace(draft, exclusions=exclusions)


def _exclusion(
    editing: Editing, draft: Draft, exclusion: DraftExclusion, field: str, fields: Fields
) -> DraftExclusion:
    with st.container(border=True, key=f"dfn_exclusion_{exclusion.key}"):
        events, first, last = st.columns([1.7, 1, 1], gap="small")
        with events:
            chosen = _definition_events.choose(editing, exclusion.events, exclusion.key)
            fields.place(f"{field}.events")
        with first:
            from_step = _between("After", draft, exclusion.from_step, f"{exclusion.key}_from")
            fields.place(f"{field}.from")
        with last:
            to_step = _between("Before", draft, exclusion.to_step, f"{exclusion.key}_to")
            fields.place(f"{field}.to")
        where = _definition_filters.edit(editing.slot, exclusion.key, exclusion.where, chosen, field, fields)
        with st.container(horizontal=True, gap="medium"):
            _definition_filters.add_button(editing.slot, exclusion.key)
            st.button(
                "Remove exclusion",
                icon=":material/delete:",
                type="tertiary",
                key=f"{exclusion.key}_remove",
                on_click=_definition_drafts.change,
                args=(editing.slot, partial(Draft.without_exclusion, key=exclusion.key)),
            )
    return replace(exclusion, events=chosen, from_step=from_step, to_step=to_step, where=where)


def _between(label: str, draft: Draft, key_of_step: str, key: str) -> str:
    """The key of a step, chosen by its number and name."""
    names = {step.key: f"{at}. {step.name}" for at, step in enumerate(draft.steps, 1)}
    keys = list(names)
    return st.selectbox(
        label,
        keys,
        index=keys.index(key_of_step) if key_of_step in keys else 0,
        format_func=lambda step: names.get(step, ""),
        key=key,
    )
