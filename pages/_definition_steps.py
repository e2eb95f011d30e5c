"""The steps of a draft: added, removed, moved, and what each one is."""

from dataclasses import replace
from functools import partial

import streamlit as st

from analytics.drafts import Draft, DraftStep
from pages import _definition_drafts, _definition_events, _definition_filters, _states
from pages import _definition_words as words
from pages._definition_drafts import Editing
from pages._definition_fields import Fields


def edit(editing: Editing, draft: Draft, fields: Fields) -> Draft:
    """The controls of all steps; what they say now."""
    with st.container(border=True, key="card_dfn_steps"):
        _states.card_head("Steps", "A session counts once, with the chain that goes furthest")
        steps = tuple(_step(editing, draft, at, fields) for at in range(len(draft.steps)))
        fields.place("steps")
        st.button(
            "Add step",
            icon=":material/add:",
            key="dfn_add_step",
            on_click=_definition_drafts.change,
            args=(editing.slot, Draft.with_step),
        )
    return replace(draft, steps=steps)


def _step(editing: Editing, draft: Draft, at: int, fields: Fields) -> DraftStep:
    step, field = draft.steps[at], f"steps[{at}]"
    with st.container(border=True, key=f"dfn_step_{step.key}"):
        _head(editing.slot, draft, at)
        events, label = st.columns([1.7, 1], gap="small")
        with events:
            chosen = _definition_events.choose(editing, step.events, step.key, disabled=step.is_any_event)
            fields.place(f"{field}.events")
        with label:
            unlabelled = replace(step, events=chosen, label="").name
            typed = st.text_input(
                "Label", step.label, key=f"{step.key}_label", placeholder=unlabelled, help=words.LABEL
            )
            fields.place(f"{field}.label")
        names = () if step.is_any_event else chosen
        where = _definition_filters.edit(editing.slot, step.key, step.where, names, field, fields)
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            step = _flags(draft, step, at)
            _definition_filters.add_button(editing.slot, step.key)
        fields.place(f"{field}.optional")
    return replace(step, events=chosen, label=typed, where=where)


def _head(slot: str, draft: Draft, at: int) -> None:
    step, last = draft.steps[at], len(draft.steps) - 1
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"
    ):
        st.html(f'<div class="dfn-step">Step {at + 1}</div>', width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            up, down = partial(Draft.with_step_moved, by=-1), partial(Draft.with_step_moved, by=1)
            for name, icon, edit_draft, unavailable in (
                ("Up", "arrow_upward", up, at == 0),
                ("Down", "arrow_downward", down, at == last),
                ("Remove", "delete", Draft.without_step, False),
            ):
                st.button(
                    name,
                    icon=f":material/{icon}:",
                    type="tertiary",
                    key=f"{step.key}_{name.lower()}",
                    disabled=unavailable,
                    on_click=_definition_drafts.change,
                    args=(slot, partial(edit_draft, key=step.key)),
                )


def _flags(draft: Draft, step: DraftStep, at: int) -> DraftStep:
    is_any = st.checkbox("Any event", step.is_any_event, key=f"{step.key}_is_any", help=words.ANY_EVENT)
    # One that is optional already can be switched off wherever it has come to stand.
    cannot_be = (at == 0 or draft.order == "unordered") and not step.is_optional
    optional = st.checkbox(
        "Optional", step.is_optional, key=f"{step.key}_optional", help=words.OPTIONAL, disabled=cannot_be
    )
    return replace(step, is_any_event=is_any, is_optional=optional)
