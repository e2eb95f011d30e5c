"""The editor of a letter's arguments: JSON, what would change, and why. What is saved is a new version."""

import json
from typing import Any

import streamlit as st

from dlq.versions import LetterVersion, difference, edit
from infra import audit
from pages import _access, _refused, _resources

_HEIGHT = 260


def show(letter_id: int, over: LetterVersion) -> None:
    """Edits the version that is shown; the original stays as it came."""
    key = f"{letter_id}_{over.version}"
    with st.expander("Edit the arguments", icon=":material/edit:", key=f"editor_{key}"):
        st.caption("A value that stays [redacted] where it was keeps its secret.")
        written = st.text_area(
            "Arguments as JSON",
            pretty(over.arguments),
            height=_HEIGHT,
            key=f"edited_{key}",
        )
        try:
            changed = _arguments(written)
        except ValueError as problem:
            st.warning(f"These are no arguments: {problem}.", icon=":material/data_object:")
            changed = None
        lines = difference(over.arguments, changed, _resources.redactor()) if changed else ()
        if lines:
            st.code("\n".join(lines), language="diff")
        st.text_input("Why", key=f"edit_reason_{key}", placeholder="Kept with the version and in the audit")
        st.button(
            "Save as a new version",
            icon=":material/save:",
            key=f"edit_save_{key}",
            disabled=not lines,
            on_click=_save,
            args=(letter_id, over.version, key),
        )
        _refused.show(f"edit_{letter_id}")


def pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _arguments(written: str) -> dict[str, Any]:
    """Raises ValueError saying what is wrong with it."""
    found = json.loads(written)
    if not isinstance(found, dict) or set(found) != {"args", "kwargs"}:
        raise ValueError("they need exactly args and kwargs")
    return found


def _save(letter_id: int, over: int, key: str) -> None:
    with _refused.kept(f"edit_{letter_id}", ValueError):
        changed = _arguments(st.session_state[f"edited_{key}"])
        edit(
            _resources.engine(),
            _access.signed_in(),
            letter_id,
            changed["args"],
            changed["kwargs"],
            st.session_state[f"edit_reason_{key}"],
            redactor=_resources.redactor(),
            sealer=_resources.sealer(),
            audit=audit.record,
            over=over,
        )
