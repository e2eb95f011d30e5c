"""The arguments of a letter's task, masked."""

import json

import streamlit as st

from dlq.views import LetterDetail
from infra.access.roles import Person


def show(detail: LetterDetail, by: Person) -> None:
    if detail.body_problem:
        st.text(detail.body_problem)
    if detail.body_bytes is None:
        return
    st.code(pretty({"args": detail.args, "kwargs": detail.kwargs}), language="json")
    st.caption(f"Secrets are masked here. The {detail.body_bytes:,} original bytes are what a retry sends.")


def pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
