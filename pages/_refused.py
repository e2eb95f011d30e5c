"""What a press met instead of being done, said where it was pressed until the next press.

A card that refreshes by itself is drawn again within a second: said once, it could not be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages import _states

_KEPT = "refused"


@contextmanager
def kept(where: str, *also: type[Exception]) -> Iterator[None]:
    """Keep one of REFUSED, or what is `also` expected, that the block raises."""
    clear()
    expected: tuple[type[Exception], ...] = (*_states.REFUSED, *also)
    try:
        yield
    except expected as error:
        keep(where, _states.refusal(error))


def keep(where: str, sentence: str) -> None:
    st.session_state[_KEPT] = (where, sentence)


def show(where: str) -> None:
    at, sentence = st.session_state.get(_KEPT, ("", ""))
    if at == where:
        st.warning(sentence, icon=":material/front_hand:")


def clear() -> None:
    st.session_state.pop(_KEPT, None)
