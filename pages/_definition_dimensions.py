"""The dimensions of a draft: what the funnel offers first to filter and break down by."""

from dataclasses import replace
from functools import partial

import streamlit as st

from analytics import suggestions
from analytics.drafts import Draft, DraftDimension
from pages import _definition_drafts, _resources, _states
from pages import _definition_words as words
from pages._definition_fields import Fields


def edit(slot: str, draft: Draft, fields: Fields) -> Draft:
    """The controls of all dimensions; what they say now."""
    with st.container(border=True, key="card_dfn_dimensions"):
        _states.card_head("Dimensions", words.DIMENSIONS)
        dimensions = tuple(
            _dimension(slot, dimension, f"dimensions[{at}]", fields)
            for at, dimension in enumerate(draft.dimensions)
        )
        fields.place("dimensions")
        st.button(
            "Add dimension",
            icon=":material/add:",
            key="dfn_add_dimension",
            on_click=_definition_drafts.change,
            args=(slot, Draft.with_dimension),
        )
    return replace(draft, dimensions=dimensions)


def _dimension(slot: str, dimension: DraftDimension, field: str, fields: Fields) -> DraftDimension:
    with st.container(key=f"dfn_dimension_{dimension.key}", gap=None):
        left, middle, right, end = st.columns([3, 3, 3, 1.4], gap="small", vertical_alignment="bottom")
        with left:
            chosen = _property(dimension)
        with middle:
            label = st.text_input(
                "Label", dimension.label, key=f"{dimension.key}_label", placeholder=chosen or "Label"
            )
        with right:
            bands = st.text_input(
                "Bands", dimension.bands, key=f"{dimension.key}_bands", placeholder="None", help=words.BANDS
            )
        with end:
            st.button(
                "Remove",
                icon=":material/close:",
                type="tertiary",
                key=f"{dimension.key}_remove",
                on_click=_definition_drafts.change,
                args=(slot, partial(Draft.without_dimension, key=dimension.key)),
            )
    fields.place(field)
    return replace(dimension, property=chosen, label=label, bands=bands)


def _property(dimension: DraftDimension) -> str:
    found = suggestions.properties(_resources.funnels().reader, ())
    known = list(dict.fromkeys([*(one.text for one in found), *filter(None, [dimension.property])]))
    chosen = st.selectbox(
        "Property",
        known,
        index=known.index(dimension.property) if dimension.property else None,
        key=f"{dimension.key}_property",
        accept_new_options=True,
        placeholder="Choose or type a property",
    )
    return chosen or ""
