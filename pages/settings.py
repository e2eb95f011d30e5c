"""Settings: the funnels that are offered, and the editor of one, chosen by the address."""

import streamlit as st

from infra.access.roles import Permission
from pages import _access, _definition_drafts, _definition_editor, _definition_list, _states

with _states.failures_shown("The settings"):
    person = _access.enter(Permission.MANAGE_SETTINGS)
    if name := st.query_params.get("edit"):
        _definition_editor.show(person, _definition_drafts.of_funnel(name))
    elif slot := st.query_params.get("new"):
        _definition_editor.show(person, _definition_drafts.of_new(slot))
    else:
        with st.container(gap=None):
            st.title("Settings", anchor=False)
            st.html('<div class="sub">What the funnels count, and who changed it.</div>')
        _definition_list.show()
