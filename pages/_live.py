"""Keeps a funnel on the screen up to date while it is looked at."""

from html import escape

import streamlit as st

from analytics import imports
from analytics.funnels import FunnelDefinition
from analytics.span import FunnelSpan, span
from pages import _access, _resources, _states
from pages._words import count

REFRESH_SECONDS = 3.0


@st.fragment(run_every=REFRESH_SECONDS)
def watch(definition: FunnelDefinition, drawn: FunnelSpan | None) -> None:
    """Run the page again once its events are no longer those that were `drawn`, and show a running import."""
    with _states.failures_shown("What is new"):
        _access.signed_in()
        engine = _resources.engine()
        if span(engine, definition) != drawn:
            st.rerun()
        run = imports.running(engine, _resources.now())
    if run:
        st.html(
            f'<div class="sub">Importing {escape(run.source)}: {count(run.rows_read)} rows so far. '
            "The numbers grow as they come in.</div>"
        )
