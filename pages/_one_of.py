"""A filter that takes one of several values or none, bound to the address."""

from collections.abc import Iterable

import streamlit as st

from pages._address import tell_unknown


def one_of(
    key: str, everything: str, offered: Iterable[str], label: str = "", width: int | None = None
) -> str:
    """The chosen value of a list, or nothing."""
    options = [everything, *(str(each) for each in offered)]
    tell_unknown(key, options)
    picked = st.selectbox(
        label or key.capitalize(),
        options,
        key=key,
        bind="query-params",
        label_visibility="visible" if label else "collapsed",
        width=width or "stretch",
    )
    return "" if picked == everything else picked
