"""The retry of one letter: see what it would do, agree, and send it."""

import streamlit as st

from dlq.errors import DlqError
from dlq.retries.retry import Preview, RetryClient
from dlq.views import LetterSummary
from infra.access.roles import Person
from infra.errors import AccessDenied
from pages import _access, _resources


def show(letter: LetterSummary, by: Person) -> None:
    letter_id, client = letter.id, _resources.retries()
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
