"""The frame around every page: icon, style, who is signed in, and the pages that their role shows."""

from html import escape

import streamlit as st

from infra.access.roles import Permission
from pages import _access, _resources, _states

# The icon comes first: without a local one, navigation would fetch its icons from elsewhere.
st.set_page_config(page_icon="pages/static/favicon.svg", layout="wide", initial_sidebar_state=232)
# A toast that a fragment's callback makes replaces what stands first beside the page, where styles and
# drawers stand too: this, which nobody misses.
st.html("<style></style>")
st.html(f"<style>{_resources.stylesheet()}</style>")
st.logo("pages/static/logo.svg", size="medium")

with _states.failures_shown("Onward"):
    person = _access.signed_in()

sections: dict[str, list[st.Page]] = {"Analytics": [], "Background tasks": [], "Administration": []}
if person.may(Permission.READ_FUNNELS):
    sections["Analytics"].append(
        st.Page("overview.py", title="Overview", icon=":material/home:", url_path="overview", default=True)
    )
    sections["Analytics"].append(
        st.Page("funnel.py", title="Funnel", icon=":material/filter_alt:", url_path="funnel")
    )
    sections["Analytics"].append(
        st.Page("heatmap.py", title="Drop-off", icon=":material/grid_on:", url_path="drop-off-heatmap")
    )
    sections["Analytics"] += [
        st.Page("cohorts.py", title="Cohorts", icon=":material/groups:", url_path="cohorts"),
        st.Page("compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare"),
    ]
    sections["Analytics"].append(
        st.Page("correlation.py", title="Correlation", icon=":material/join_inner:", url_path="correlation")
    )
    sections["Analytics"].append(
        st.Page(
            "recommendations.py",
            title="Recommendations",
            icon=":material/lightbulb:",
            url_path="recommendations",
        )
    )
    # Reached from a number, not from the menu; it refuses for itself whoever may not see sessions.
    sections["Analytics"].append(
        st.Page("sessions.py", title="Sessions", url_path="sessions", visibility="hidden")
    )
if person.may(Permission.READ_LETTERS):
    sections["Background tasks"] += [
        st.Page(
            "dead_letters.py",
            title="Dead letters",
            icon=":material/mark_email_unread:",
            url_path="dead-letters",
        ),
        st.Page("operations.py", title="Operations", icon=":material/playlist_play:", url_path="operations"),
        st.Page("workers.py", title="Workers & queues", icon=":material/memory:", url_path="workers"),
    ]
if person.may(Permission.MANAGE_PEOPLE):
    sections["Administration"].append(
        st.Page("people.py", title="People", icon=":material/group:", url_path="people")
    )
if person.may(Permission.READ_AUDIT):
    sections["Administration"].append(
        st.Page("audit.py", title="Audit", icon=":material/history:", url_path="audit")
    )
if person.may(Permission.MANAGE_SETTINGS):
    sections["Administration"].append(
        st.Page("settings.py", title="Settings", icon=":material/settings:", url_path="settings")
    )
page = st.navigation({name: pages for name, pages in sections.items() if pages}, expanded=True)
st.set_page_config(page_title=f"{page.title} · Onward")

with st.sidebar, st.container(key="signed_in_as"):
    st.html(f'<div class="sub">{escape(person.login)} · {person.role}</div>')
    st.button(
        "Sign out", icon=":material/logout:", type="tertiary", on_click=_access.sign_out, key="sign_out"
    )

page.run()
