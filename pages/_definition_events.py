"""Which events a step or an exclusion is about, suggested with how often they happened."""

from collections.abc import Sequence

import streamlit as st

from analytics import suggestions
from pages import _definition_words as words
from pages import _resources
from pages._definition_drafts import Editing
from pages._words import count


def choose(editing: Editing, chosen: Sequence[str], key: str, *, disabled: bool = False) -> tuple[str, ...]:
    """The names now; a name that has never been seen is said, not refused."""
    known = list(dict.fromkeys([*editing.events, *chosen]))

    def shown(name: str) -> str:
        return f"{name} · {count(editing.events[name])}" if name in editing.events else name

    names = st.multiselect(
        "Events",
        known,
        default=[] if disabled else chosen,
        format_func=shown,
        key=f"{key}_{'any' if disabled else 'events'}",
        accept_new_options=True,
        wrap=True,
        select_all=False,
        placeholder="Any event" if disabled else "Choose or type events",
        help=words.EVENTS,
        disabled=disabled,
    )
    if disabled:
        return tuple(chosen)
    names = list(dict.fromkeys(name.strip() for name in names))
    if never := suggestions.unseen(_resources.funnels().reader, names):
        st.warning(f"Never seen so far: {', '.join(never)}", icon=":material/visibility_off:")
    return tuple(names)
