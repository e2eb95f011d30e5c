"""What an address asks for that a page cannot show."""

from collections.abc import Sequence

import streamlit as st


def tell_unknown(key: str, options: Sequence[str]) -> None:
    """Say which choices of the address are not among those there are: the widget leaves them out."""
    for given in st.query_params.get_all(key):
        if given not in options:
            st.toast(f"“{given}”, which the address asks for, is not known here and is left out.")
