"""What can be done with a letter now: see what a retry would do, agree, and send it."""

import streamlit as st

from dlq.errors import DlqError
from dlq.letters import Status
from dlq.retries.retry import Preview, RetryClient
from dlq.views import LetterSummary
from infra.access.roles import Permission, Person
from infra.errors import AccessDenied
from pages import _access, _resources


def actions(letter: LetterSummary, by: Person) -> None:
    if letter.status == Status.RETRYING:
        st.info(f"{letter.claimed_by} pressed retry. Waiting for the worker.", icon=":material/sync:")
    elif letter.status == Status.RESOLVED:
        st.success("The retry succeeded. Nobody waits behind this letter any more.", icon=":material/check:")
    elif letter.status in {Status.DEAD, Status.POISONED} and by.may(Permission.RETRY_LETTERS):
        _retry(letter.id, by)
    if problem := st.session_state.pop("refused", None):
        st.warning(problem, icon=":material/front_hand:")


def _retry(letter_id: int, by: Person) -> None:
    client = _resources.retries()
    try:
        preview = client.preview(letter_id, by)
    except DlqError as error:
        st.warning(str(error))
        return
    st.caption(f"A retry sends the original message again to the queue {preview.queue}, under a new task id.")
    for warning in preview.warnings:
        st.warning(warning, icon=":material/warning:")
    agreed = not preview.needs_even_poisoned or st.checkbox(
        f"Retry although it has failed {preview.attempts} times", key=f"even_poisoned_{letter_id}"
    )
    st.button(
        "Retry",
        icon=":material/replay:",
        type="primary",
        disabled=not agreed,
        key=f"retry_{letter_id}",
        on_click=_send,
        args=(client, preview),
    )


def _send(client: RetryClient, preview: Preview) -> None:
    try:
        by = _access.signed_in()
        receipt = client.retry(preview.letter_id, by, even_poisoned=preview.needs_even_poisoned)
    except (DlqError, AccessDenied) as error:
        st.session_state["refused"] = str(error)
        return
    if not receipt.published:
        st.session_state["refused"] = "The broker is away. The retry is kept, and sent once it is back."
