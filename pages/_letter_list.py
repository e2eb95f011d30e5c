"""The list of letters: a box to pick it, what broke, and the way to open it.

It refreshes by itself, and stands still while letters are picked: nobody picks a row that has just moved.
"""

import streamlit as st

from dlq import console
from dlq.queries import LetterFilter
from dlq.views import LetterPage, LetterSummary
from infra.access.roles import Permission, Person
from pages import _access, _bulk_bar, _letter_badge, _letter_picks, _letter_row, _paging, _resources, _states
from pages._row_label import row_label
from pages._words import ago

REFRESH_SECONDS = 2.0
ROWS = 25
POSITION = "after"


def show(narrowed: LetterFilter) -> None:
    """The card with the letters that `narrowed` lets through; another filter begins at its first page."""
    before = st.session_state.setdefault("narrowed", narrowed)
    if before != narrowed:
        st.session_state["narrowed"] = narrowed
        _paging.reset(POSITION)
        _letter_picks.clear()
    with st.container(border=True, key="card_letters"):
        _states.card_head("Letters", "Each failed task, the latest failure first")
        _list(narrowed)


@st.fragment(run_every=REFRESH_SECONDS)
def _list(narrowed: LetterFilter) -> None:
    with _states.failures_shown("The dead letters"):
        by = _access.enter(Permission.READ_LETTERS)
        page = _page(by, narrowed)
        _bulk_bar.show(by, narrowed, page)
    if not page.letters:
        _nothing(narrowed)
    for letter in page.letters:
        _row(letter)
    _paging.buttons(POSITION, page.next)


def _page(by: Person, narrowed: LetterFilter) -> LetterPage:
    asked = (narrowed, _paging.position(POSITION))
    held: tuple[object, LetterPage] | None = st.session_state.get("held_page")
    if held and held[0] == asked and _letter_picks.picked():
        return held[1]
    page = console.letters(_resources.engine(), by, *asked, ROWS, redactor=_resources.redactor())
    st.session_state["held_page"] = (asked, page)
    return page


def _nothing(narrowed: LetterFilter) -> None:
    if narrowed == LetterFilter(status=narrowed.status):
        _states.state("Nothing here", "Failed tasks appear here within seconds.")
    else:
        _states.state("Nothing here", "No dead letter matches. Widen the filters, or choose All.")
    st.space("medium")


def _row(letter: LetterSummary) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row_{letter.id}"):
        _letter_picks.box(letter)
        _letter_row.text(letter, ago(letter.failed_at, _resources.now()))
        _letter_badge.status(letter.status)
        if st.button(row_label("Open", f"letter {letter.id}"), key=f"open_{letter.id}"):
            st.query_params["letter"] = str(letter.id)
            st.rerun()
