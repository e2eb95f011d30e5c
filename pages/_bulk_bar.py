"""What can be done with the letters that are picked, or with all that match; each opens its preview."""

from collections.abc import Iterable

import streamlit as st

from dlq.filter_address import to_pairs
from dlq.letters import Status
from dlq.operations.records import Selection
from dlq.queries import LetterFilter
from dlq.views import LetterPage
from infra.access.roles import Person
from pages import _downloads, _letter_picks, _operation_start
from pages._operation_words import ACTIONS, ActionWords
from pages._words import count


def show(by: Person, narrowed: LetterFilter, page: LetterPage) -> None:
    """The line above the list; without a letter in it there is nothing to do."""
    if not page.letters:
        return
    picked = _letter_picks.picked()
    offered = tuple(offered_to(by, narrowed.status))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="bulk"):
        st.html(f'<div class="bulksaid">{_said(len(picked)) if offered else ""}</div>')
        if offered:
            _letter_picks.page_button(page.letters)
        for words in offered:
            if _pressed(words, f"{words.verb} picked", "picked", disabled=not picked):
                _operation_start.ask(words.action, Selection(LetterFilter(), picked))
                st.rerun()
        with st.popover(
            "All that match", icon=":material/checklist:", key="all_that_match", on_change="rerun"
        ):
            _all_that_match(offered, narrowed)


def offered_to(by: Person, statuses: tuple[Status, ...]) -> Iterable[ActionWords]:
    """What this person may do to letters in these states; no state given is any."""
    for words in ACTIONS.values():
        if by.may(words.permission) and (not statuses or words.of.intersection(statuses)):
            yield words


def _all_that_match(offered: Iterable[ActionWords], narrowed: LetterFilter) -> None:
    for words in offered:
        if _pressed(words, f"{words.verb} all that match", "all"):
            _operation_start.ask(words.action, Selection(narrowed))
            st.rerun()
    st.html(_downloads.of_table("letters", to_pairs(narrowed), of="of all that match"))


def _pressed(words: ActionWords, label: str, which: str, *, disabled: bool = False) -> bool:
    return (
        st.button(
            label,
            icon=words.icon,
            key=f"{words.action}_{which}",
            disabled=disabled,
            shortcut=words.shortcut if which == "picked" else None,
            width="stretch" if which == "all" else "content",
            on_click=_fold,
        )
        and not disabled
    )


def _fold() -> None:
    # It would stay open over the dialog.
    st.session_state["all_that_match"] = False


def _said(picked: int) -> str:
    if not picked:
        return "None picked"
    return f"<b>{count(picked)} picked</b> The list stands still."
