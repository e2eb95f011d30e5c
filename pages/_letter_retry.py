"""The retry of one letter: see what it would do, choose queue and arguments, agree, and send it."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dlq.errors import DlqError
from dlq.retries.retry import Preview, RetryClient
from dlq.versions import LetterVersion
from dlq.views import LetterSummary
from infra.access.roles import Person
from pages import _access, _letter_arguments, _refused, _resources, _states


def show(letter: LetterSummary, kept: Sequence[LetterVersion], by: Person, buttons: DeltaGenerator) -> None:
    client = _resources.retries()
    said = st.container()
    queue, version = _choices(letter, kept)
    with said:
        try:
            preview = client.preview(letter.id, by, queue=queue, version=version)
        except DlqError as error:
            st.warning(str(error))
            return
        st.caption(preview.sends)
        _states.warnings(preview.warnings)
    agreed = not preview.needs_even_poisoned or st.checkbox(
        f"Retry although it has failed {preview.attempts} times", key=f"even_poisoned_{letter.id}"
    )
    buttons.button(
        "Retry",
        icon=":material/replay:",
        type="primary",
        disabled=not agreed,
        key=f"retry_{letter.id}",
        on_click=_send,
        args=(client, preview, queue, version),
    )


def _choices(letter: LetterSummary, kept: Sequence[LetterVersion]) -> tuple[str, int | None]:
    """Another queue, and which arguments: the newest edit is offered first."""
    version = kept[-1]
    with st.expander("Queue and arguments", icon=":material/tune:", key=f"retry_choices_{letter.id}"):
        queue = st.text_input("Queue", key=f"retry_queue_{letter.id}", placeholder=letter.queue)
        if version.version:
            version = st.selectbox(
                "Arguments",
                kept[::-1],
                format_func=_letter_arguments.title,
                key=f"retry_version_{letter.id}_{len(kept)}",
            )
    return queue.strip(), version.version or None


def _send(client: RetryClient, preview: Preview, queue: str, version: int | None) -> None:
    # Shown while a broker that hangs is waited for, which may take seconds.
    st.toast("Sending it to the broker.", icon=":material/replay:")
    where = f"retry_{preview.letter_id}"
    with _refused.kept(where):
        receipt = client.retry(
            preview.letter_id,
            _access.signed_in(),
            even_poisoned=preview.needs_even_poisoned,
            queue=queue,
            version=version,
        )
        if not receipt.published:
            _refused.keep(where, "The broker is away. The retry is kept, and sent once it is back.")
