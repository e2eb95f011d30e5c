"""The dialog before an operation: how many letters, which, what will happen; then it is started.

What is started is what the dialog shows: it counts again only when asked to, or when an option changes.
"""

from dataclasses import dataclass
from html import escape

import streamlit as st

from dlq.errors import DlqError
from dlq.operations import console
from dlq.operations.preview import BulkPreview, preview
from dlq.operations.records import Action, Options, Selection
from infra import audit
from infra.access.roles import Permission, Person
from infra.errors import AccessDenied
from pages import _access, _letter_picks, _operation_options, _resources, _states
from pages._letter_row import line
from pages._operation_words import ACTIONS, letters
from pages._words import count

PAGE = "operations.py"


@dataclass(frozen=True, slots=True)
class Asked:
    action: Action
    selection: Selection


def ask(action: Action, selection: Selection) -> None:
    """Open the dialog on the next run of the page."""
    _close()
    st.session_state["asked_operation"] = Asked(action, selection)


def asked() -> Asked | None:
    found: Asked | None = st.session_state.get("asked_operation")
    return found


def dialog(asked: Asked) -> None:
    words = ACTIONS[asked.action]
    st.dialog(f"{words.verb} letters", width="medium", icon=words.icon, on_dismiss=_close)(_contents)(asked)


def _close() -> None:
    for name in ("asked_operation", "previewed", "operation_refused"):
        st.session_state.pop(name, None)


def _contents(asked: Asked) -> None:
    if started := st.session_state.pop("started_operation", None):
        st.switch_page(PAGE, query_params={"operation": str(started)})
    with _states.failures_shown("The preview"):
        by = _access.enter(Permission.READ_LETTERS)
        head = st.container()
        options = _operation_options.chosen(asked.action)
        shown = _previewed(by, asked, options)
    with head:
        _said(shown)
        if shown.poisoned and asked.action is Action.RETRY:
            _operation_options.even_poisoned(shown.poisoned)
    if refused := st.session_state.pop("operation_refused", None):
        st.warning(refused, icon=":material/front_hand:")
    _confirm(shown)


def _previewed(by: Person, asked: Asked, options: Options) -> BulkPreview:
    key = (asked, options)
    held: tuple[object, BulkPreview] | None = st.session_state.get("previewed")
    if held and held[0] == key:
        return held[1]
    with st.skeleton(height=160):
        found = preview(
            _resources.engine(), by, asked.action, asked.selection, options, redactor=_resources.redactor()
        )
    st.session_state["previewed"] = (key, found)
    return found


def _said(shown: BulkPreview) -> None:
    sessions = f" {count(shown.sessions)} sessions wait behind them." if shown.sessions else ""
    st.html(
        f'<div class="lettertitle">{escape(letters(shown.count))}</div>'
        f'<div class="sub">{escape(shown.sends + sessions)}</div>'
    )
    for warning in shown.warnings:
        st.warning(warning, icon=":material/warning:")
    if shown.sample:
        named = "All of them" if len(shown.sample) == shown.count else f"The newest {len(shown.sample)}"
        with st.expander(named, icon=":material/list:"):
            st.html(f'<ul class="sessionletters">{"".join(map(line, shown.sample))}</ul>')


def _confirm(shown: BulkPreview) -> None:
    st.text_input("Why", key="operation_reason", placeholder="Kept with the operation and in the audit")
    words = ACTIONS[shown.action]
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"{words.verb} {letters(shown.count)}",
            icon=words.icon,
            type="primary",
            key="operation_confirm",
            shortcut="Ctrl+Enter",
            disabled=not shown.count,
            on_click=_start,
            args=(shown,),
        )
        st.button("Count again", icon=":material/refresh:", key="operation_recount", on_click=_recount)


def _recount() -> None:
    st.session_state.pop("previewed", None)


def _start(shown: BulkPreview) -> None:
    try:
        by = _access.signed_in()
        operation = console.start(
            _resources.engine(), by, shown, st.session_state["operation_reason"], audit=audit.record
        )
    except (DlqError, AccessDenied) as error:
        _recount()
        st.session_state["operation_refused"] = str(error)
        return
    _close()
    _letter_picks.clear()
    st.session_state["started_operation"] = operation.id
