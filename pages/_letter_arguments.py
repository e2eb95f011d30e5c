"""The arguments of a letter's task, masked: the original, every edit of them, and what each edit changed."""

from collections.abc import Sequence

import streamlit as st

from dlq.letters import Status
from dlq.versions import LetterVersion, difference
from dlq.views import LetterDetail
from infra.access.roles import Permission, Person
from pages import _letter_edit, _resources
from pages._words import clock_time


def show(detail: LetterDetail, kept: Sequence[LetterVersion], by: Person) -> None:
    shown = _chosen(kept, detail.letter.id) if len(kept) > 1 else kept[0]
    if shown.problem:
        st.text(shown.problem)
        return
    st.code(_letter_edit.pretty(shown.arguments), language="json")
    if shown.version:
        _changes(kept[0], shown)
    elif detail.body_bytes is not None:
        st.caption(f"Secrets are masked here. A retry sends the {detail.body_bytes:,} original bytes.")
    is_waiting = detail.letter.status in {Status.DEAD, Status.POISONED}
    if is_waiting and by.may(Permission.RETRY_LETTERS):
        _letter_edit.show(detail.letter.id, shown)


def title(version: LetterVersion) -> str:
    if not version.version:
        return "Original"
    return f"Version {version.version}, {version.actor}, {clock_time(version.at)}"


def _chosen(kept: Sequence[LetterVersion], letter_id: int) -> LetterVersion:
    newest = len(kept) - 1
    return st.selectbox(
        "Version", kept, index=newest, format_func=title, key=f"version_shown_{letter_id}_{newest}"
    )


def _changes(original: LetterVersion, shown: LetterVersion) -> None:
    st.caption(f"What differs from the original. Why: {shown.reason}" if shown.reason else "What differs.")
    lines = difference(original.arguments, shown.arguments, _resources.redactor())
    st.code("\n".join(lines) or "Only values that are masked differ.", language="diff")
