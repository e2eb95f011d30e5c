"""The tasks that failed and who waits for them; each can be opened, read and retried. Refreshes by itself."""

import streamlit as st

from dlq import console
from dlq.letters import Status
from dlq.queries import LetterFilter
from dlq.views import LetterSummary
from infra.access.roles import Permission, Person
from pages import _access, _demo_fault, _letter, _letter_row, _resources, _states
from pages._words import ago, count

REFRESH_SECONDS = 2.0
ROWS = 25
SHOWN = {
    "Waiting": (Status.DEAD, Status.POISONED),
    "Retrying": (Status.RETRYING,),
    "Resolved": (Status.RESOLVED,),
    "Discarded": (Status.DISCARDED,),
    "All": (),
}
ANY_TASK = "All tasks"

person = _access.enter(Permission.READ_LETTERS)
engine = _resources.engine()


def filters(by: Person) -> LetterFilter:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        shown = st.segmented_control(
            "Status",
            list(SHOWN),
            default="Waiting",
            key="status",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
        )
        tasks = [ANY_TASK, *console.choices(engine, by).task_names]
        task = st.selectbox(
            "Task", tasks, key="task", bind="query-params", label_visibility="collapsed", width=280
        )
        text = st.text_input(
            "Search",
            key="search",
            bind="query-params",
            placeholder="Search in messages",
            icon=":material/search:",
            label_visibility="collapsed",
            width=240,
        )
    return LetterFilter(status=SHOWN[shown], task_name="" if task == ANY_TASK else task, text=text.strip())


@st.fragment(run_every=REFRESH_SECONDS)
def numbers() -> None:
    with _states.failures_shown("The numbers"):
        by = _access.enter(Permission.READ_LETTERS)
        found = console.counts(engine, by)
        blocked = len(console.waiting_sessions(engine))
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        waiting = found[Status.DEAD] + found[Status.POISONED]
        st.metric("Waiting for a decision", count(waiting), border=True, height="stretch")
        st.metric(
            "Sessions blocked",
            count(blocked),
            border=True,
            height="stretch",
            help="Different sessions that stand still behind a letter which is not resolved or discarded.",
        )
        st.metric("Retrying now", count(found[Status.RETRYING]), border=True, height="stretch")
        st.metric("Resolved so far", count(found[Status.RESOLVED]), border=True, height="stretch")


@st.fragment(run_every=REFRESH_SECONDS)
def letters(narrowed: LetterFilter) -> None:
    before = st.session_state.get("before")
    with _states.failures_shown("The dead letters"):
        by = _access.enter(Permission.READ_LETTERS)
        page = console.letters(engine, by, narrowed, before, ROWS, redactor=_resources.redactor())
    if not page.letters:
        _states.state("Nothing here", "No dead letter matches. Failed tasks appear here within seconds.")
        st.space("medium")
    for letter in page.letters:
        row(letter)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if before and st.button("Newest", icon=":material/first_page:", key="newest"):
            st.session_state["before"] = None
            st.rerun(scope="fragment")
        if page.next and st.button("Older", icon=":material/chevron_right:", key="older"):
            st.session_state["before"] = page.next
            st.rerun(scope="fragment")


def row(letter: LetterSummary) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row_{letter.id}"):
        _letter_row.text(letter, ago(letter.failed_at, _resources.now()))
        _letter.badge(letter.status)
        if st.button("Open", key=f"open_{letter.id}", help=f"Letter {letter.id}"):
            st.query_params["letter"] = str(letter.id)
            st.rerun()


with st.container(gap=None):
    st.title("Dead letters", anchor=False)
    st.html('<div class="sub">Tasks that failed for good, newest first. This page refreshes by itself.</div>')
numbers()
with _states.failures_shown("The filters"):
    _demo_fault.switch(person)
    narrowed = filters(person)
if st.session_state.get("narrowed") != narrowed:
    st.session_state.update(narrowed=narrowed, before=None)
with st.container(border=True, key="card_letters"):
    letters(narrowed)
if opened := st.query_params.get("letter"):
    _letter.drawer(opened)
