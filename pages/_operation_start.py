"""The dialog before an operation: how many letters, which, what will happen; then it is started.

What is started is what the dialog shows: it counts again only when asked to, or when an option changes.
"""

from dataclasses import dataclass

import streamlit as st

from dlq.operations import console
from dlq.operations.preview import BulkPreview, preview
from dlq.operations.records import Action, Options, Selection
from infra import audit
from infra.access.roles import Permission, Person
from pages import _access, _letter_picks, _operation_options, _operation_preview, _resources, _states
from pages._operation_words import ACTIONS, letters

PAGE = "operations.py"


@dataclass(frozen=True, slots=True)
class Asked:
    action: Action
    selection: Selection


def ask(action: Action, selection: Selection) -> None:
    """Open the dialog on the next run of the page."""
    _close()
    st.session_state["asked_operation"] = Asked(action, selection)


def show() -> bool:
    """Open the dialog that was asked for; whether there is one. An operation just started is gone to."""
    _follow()
    asked: Asked | None = st.session_state.get("asked_operation")
    if asked is None:
        return False
    words = ACTIONS[asked.action]
    st.dialog(f"{words.verb} letters", width="medium", icon=words.icon, on_dismiss=_close)(_contents)(asked)
    return True


def _follow() -> None:
    if started := st.session_state.pop("started_operation", None):
        st.switch_page(PAGE, query_params={"operation": str(started)})


def _close() -> None:
    for name in ("asked_operation", "previewed", "operation_refused"):
        st.session_state.pop(name, None)


def _contents(asked: Asked) -> None:
    _follow()
    with _states.failures_shown("The preview"):
        by = _access.enter(Permission.READ_LETTERS)
        head = st.container()
        options = _operation_options.chosen(asked.action)
        shown = _previewed(by, asked, options)
    with head:
        _operation_preview.show(shown)
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
    if "asked_operation" not in st.session_state:
        return  # a second press, or the same one told twice: the first has started it
    try:
        by = _access.signed_in()
        operation = console.start(
            _resources.engine(), by, shown, st.session_state["operation_reason"], audit=audit.record
        )
    except _states.REFUSED as error:
        _recount()
        st.session_state["operation_refused"] = _states.refusal(error)
        return
    _close()
    _letter_picks.clear()
    st.session_state["started_operation"] = operation.id
