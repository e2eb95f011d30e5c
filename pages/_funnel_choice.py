"""Which funnel the page shows, bound to the address."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from analytics.funnels import FunnelDefinition
from pages import _period

_CHANGED = "another_funnel"


def choose(
    definitions: Sequence[FunnelDefinition], first: FunnelDefinition | None = None
) -> FunnelDefinition:
    """The chosen one, by title; of two with one title, each with its name behind it.

    While nobody has chosen, it is `first`, else the first by title.
    """
    titles = Counter(one.title or one.name for one in definitions)
    by_label = {
        title if titles[title] == 1 else f"{title} ({one.name})": one
        for one in definitions
        for title in [one.title or one.name]
    }
    labels = sorted(by_label)
    label = st.selectbox(
        "Funnel",
        labels,
        index=next((at for at, label in enumerate(labels) if by_label[label] == first), 0),
        key="funnel",
        bind="query-params",
        on_change=_forget,
        label_visibility="collapsed",
        width=190,
    )
    return by_label[label]


def _forget() -> None:
    """Another funnel has another window, other dimensions and days: what was chosen is gone."""
    st.session_state[_CHANGED] = True
    st.session_state["period"] = _period.DEFAULT


def has_changed() -> bool:
    """Whether the person has just chosen another one; True once."""
    return bool(st.session_state.pop(_CHANGED, False))
