"""The entries, newest first: what was done to what, by whom, and how it was before and after."""

from html import escape

import streamlit as st

from infra.access.roles import Person
from infra.audit.entries import Entry, EntryFilter, entries
from pages import _audit_words, _paging, _resources, _states
from pages._words import clock_time

ROWS = 25
POSITION = "audit_after"


def show(by: Person, narrowed: EntryFilter) -> None:
    """The card with the entries that `narrowed` lets through; another filter begins at its first page."""
    if st.session_state.setdefault("audit_narrowed", narrowed) != narrowed:
        st.session_state["audit_narrowed"] = narrowed
        _paging.reset(POSITION)
    page = entries(_resources.engine(), by, narrowed, _after(), ROWS)
    with st.container(border=True, key="card_audit"):
        if page.entries:
            st.html("".join(_row(entry) for entry in page.entries))
        else:
            _nothing(narrowed)
        _paging.buttons(POSITION, None if page.next is None else str(page.next))


def _after() -> int | None:
    """Where the address stands in the list; what is no number begins it anew."""
    written = _paging.position(POSITION) or ""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None


def _nothing(narrowed: EntryFilter) -> None:
    if narrowed == EntryFilter():
        _states.state("Nothing yet", "Sign-ins, retries and every other change appear here.")
    else:
        _states.state("Nothing here", "No entry matches. Widen the filters.")
    st.space("medium")


def _row(entry: Entry) -> str:
    link = f"link {entry.number}" if entry.number else "in no link: put in past the audit"
    facts = [entry.actor, clock_time(entry.at), f"from {entry.source}" if entry.source else "", link]
    return (
        f'<div class="letter entry"><b>{escape(_audit_words.action(entry.action))}</b> '
        f"<span>{_audit_words.subject(entry.subject)}</span>"
        f"<small>{escape(' · '.join(fact for fact in facts if fact))}</small>"
        f"{_audit_words.difference(entry)}</div>"
    )
