"""Which letters a person has ticked: by letter, so that they stay ticked over pages and refreshes.

They belong to one filter; another filter begins with none.
"""

from collections.abc import Iterable

import streamlit as st

from dlq.views import LetterSummary

#: Letters picked one by one at most; more are taken by "all that match".
MOST = 1000
_PICKED = "picked"


def picked() -> tuple[int, ...]:
    return tuple(sorted(st.session_state.get(_PICKED, ())))


def clear() -> None:
    st.session_state[_PICKED] = frozenset()


def box(letter: LetterSummary) -> None:
    """The box before a letter. Its label is for those who cannot see the row beside it."""
    key = f"pick_{letter.id}"
    st.session_state[key] = letter.id in picked()
    st.checkbox(
        f"Pick letter {letter.id}",
        key=key,
        on_change=_turn,
        args=(letter.id, key),
        label_visibility="collapsed",
    )


def pick_all(letters: Iterable[LetterSummary]) -> None:
    """Pick the whole page, or drop it again when it is picked already."""
    page, before = frozenset(letter.id for letter in letters), frozenset(picked())
    _keep(before - page if page <= before else before | page)


def _turn(letter_id: int, key: str) -> None:
    before = frozenset(picked())
    _keep(before | {letter_id} if st.session_state[key] else before - {letter_id})


def _keep(after: frozenset[int]) -> None:
    if len(after) > MOST:
        st.toast(f"At most {MOST} letters can be picked one by one. Take all that match instead.")
        return
    st.session_state[_PICKED] = after
