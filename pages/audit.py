"""Audit: who changed what, when, from where, and how it was before. Nobody can change what stands here."""

import streamlit as st

from infra.access.roles import Permission
from pages import _access, _audit_filters, _audit_list, _audit_words, _downloads, _states

with _states.failures_shown("The audit"):
    person = _access.enter(Permission.READ_AUDIT)

with st.container(gap=None):
    st.title("Audit", anchor=False)
    st.html('<div class="sub">Every change that a person made. It is only ever added to.</div>')
with _states.failures_shown("The audit"):
    narrowed = _audit_filters.chosen(person)
    _audit_list.show(person, narrowed)
    st.html(_downloads.of_table("audit", _audit_words.to_pairs(narrowed)))
    _audit_words.how_to_verify()
