"""Which letters a person has ticked: by letter, so that they stay ticked over pages and refreshes.

They belong to one filter; another filter begins with none.
"""

from collections.abc import Iterable

import streamlit as st

from dlq.views import LetterSummary

#: Letters picked one by one at most; more are taken by "all that match".
MOST = 1000
_PICKED, _DRAWN = "picked", "picks_drawn"


def picked() -> tuple[int, ...]:
    return tuple(sorted(st.session_state.get(_PICKED, ())))


def clear() -> None:
    _set(frozenset())


def box(letter: LetterSummary) -> None:
    """The box before a letter. Its label is for those who cannot see the row beside it."""
    drawn = _drawn()
    key = f"pick_{letter.id}_{drawn}"
    if key not in st.session_state:
        st.session_state[key] = letter.id in picked()
    st.checkbox(
        f"Pick letter {letter.id}",
        key=key,
        on_change=_turn,
        args=(letter.id, drawn, key),
        label_visibility="collapsed",
    )


def page_button(letters: Iterable[LetterSummary]) -> None:
    """Picks the whole page or, when it is picked already, drops it again."""
    page, before = frozenset(letter.id for letter in letters), frozenset(picked())
    has_all = page <= before
    # What it does is settled when it is drawn: pressed twice by a browser that lags, it does the same.
    st.button(
        "Drop page" if has_all else "Pick page",
        icon=":material/deselect:" if has_all else ":material/select_all:",
        key="pick_page",
        shortcut="Shift+A",
        on_click=_pick,
        args=(before - page if has_all else before | page,),
    )


def _pick(letters: frozenset[int]) -> None:
    _set(frozenset(picked()) if _are_too_many(letters) else letters)


def _turn(letter_id: int, drawn: int, key: str) -> None:
    if drawn != _drawn():  # a browser that lags tells of boxes that have gone; nobody pressed those
        return
    before = frozenset(picked())
    after = before | {letter_id} if st.session_state[key] else before - {letter_id}
    if _are_too_many(after):
        _set(before)
    else:
        st.session_state[_PICKED] = after


def _set(letters: frozenset[int]) -> None:
    """Pick these by other means than their boxes.

    The boxes get other keys with it, and what a browser that has not drawn the change yet still tells of the
    boxes before is not heard.
    """
    st.session_state[_PICKED] = letters
    st.session_state[_DRAWN] = _drawn() + 1


def _drawn() -> int:
    return int(st.session_state.get(_DRAWN, 0))


def _are_too_many(letters: frozenset[int]) -> bool:
    if len(letters) <= MOST:
        return False
    st.toast(f"At most {MOST} letters can be picked one by one. Take all that match instead.")
    return True
