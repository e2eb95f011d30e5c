"""What was done to many letters at once: how far it is, what came of it, and the way to stop or undo it."""

import streamlit as st

from infra.access.roles import Permission
from pages import _access, _operation, _operation_list, _operation_start, _states

with _states.failures_shown("The operations"):
    _access.enter(Permission.READ_LETTERS)

with st.container(gap=None):
    st.title("Operations", anchor=False)
    st.html('<div class="sub">Retries, discards and restores of many letters. Refreshes by itself.</div>')
if opened := st.query_params.get("operation"):
    with st.container(border=True, key="card_operation"):
        _operation.show(opened)
with st.container(border=True, key="card_operations"):
    _operation_list.show()
_operation_start.show()
