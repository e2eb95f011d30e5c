"""What can be done with a letter now: retry it, give it up, bring it back."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dlq.letters import Status
from dlq.operations.records import Action, Selection
from dlq.queries import LetterFilter
from dlq.versions import LetterVersion
from dlq.views import LetterSummary
from infra.access.roles import Permission, Person
from pages import _letter_retry, _operation_start, _refused
from pages._operation_words import ACTIONS

_WAITING = {Status.DEAD, Status.POISONED}


def show(letter: LetterSummary, kept: Sequence[LetterVersion], by: Person) -> None:
    explained, buttons = st.container(), st.container(horizontal=True, gap="small")
    with explained:
        _explain(letter, kept, by, buttons)
    with buttons:
        for action in (Action.DISCARD, Action.RESTORE):
            _operation_on(letter, action, by)
    _refused.show(f"retry_{letter.id}")


def _explain(
    letter: LetterSummary, kept: Sequence[LetterVersion], by: Person, buttons: DeltaGenerator
) -> None:
    """Where it stands; for one that waits, what a retry would do, and its button among the `buttons`."""
    if letter.status == Status.RETRYING:
        st.info(f"{letter.claimed_by} pressed retry. Waiting for the worker.", icon=":material/sync:")
    elif letter.status == Status.RESOLVED:
        st.success("The retry succeeded. Nobody waits behind this letter any more.", icon=":material/check:")
    elif letter.status in _WAITING and by.may(Permission.RETRY_LETTERS):
        _letter_retry.show(letter, kept, by, buttons)


def _operation_on(letter: LetterSummary, action: Action, by: Person) -> None:
    """Through the same preview as for many letters, so that it has a reason and can be undone."""
    words = ACTIONS[action]
    if letter.status not in words.of or not by.may(words.permission):
        return
    if st.button(words.verb, icon=words.icon, key=f"{action}_{letter.id}"):
        _operation_start.ask(action, Selection(LetterFilter(), (letter.id,)))
        st.rerun()
