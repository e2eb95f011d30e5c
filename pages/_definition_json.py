"""A draft as JSON, to copy, and JSON that takes its place."""

import json

import streamlit as st

from analytics.drafts import pasted
from analytics.errors import InvalidFunnel
from pages import _definition_drafts
from pages import _definition_words as words
from pages._definition_drafts import Editing

_TEXT = "dfn_pasted"


def card(editing: Editing) -> None:
    with st.expander("As JSON", icon=":material/data_object:", key="dfn_json"):
        st.caption("As the command line and REST take it: python -m analytics define FILE.")
        st.code(json.dumps(editing.draft.body(), indent=2, ensure_ascii=False), language="json", height=280)
        st.text_area("Paste a definition", key=_TEXT, height=120, help=words.PASTE)
        if refused := st.session_state.pop("dfn_paste_refused", None):
            st.error(refused, icon=":material/error:")
        st.button(
            "Use it", icon=":material/content_paste:", key="dfn_paste", on_click=_paste, args=(editing.slot,)
        )


def _paste(slot: str) -> None:
    text = st.session_state[_TEXT]
    try:
        _definition_drafts.change(slot, lambda draft: pasted(text, draft))
    except InvalidFunnel as error:
        st.session_state["dfn_paste_refused"] = str(error)
        return
    st.session_state[_TEXT] = ""
