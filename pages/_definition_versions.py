"""The versions of a funnel: who saved them, what each changed, and an old one brought back as the next."""

import streamlit as st

from analytics import definitions
from analytics.changes import changes, step_sentence
from analytics.definitions import SavedFunnel
from analytics.errors import AnalyticsError
from infra.access.roles import Permission
from infra.errors import AccessDenied
from pages import _access, _definition_drafts, _definition_saving, _resources, _states
from pages._words import clock_time
from recovery import definitions as service

SHOWN = 50


@st.dialog("Versions", width=620, position="right", on_dismiss="rerun")
def drawer(name: str) -> None:
    """All versions, the newest first, each against the one before."""
    _access.enter(Permission.MANAGE_SETTINGS)
    with _states.failures_shown("The versions"):
        found = definitions.versions(_resources.engine(), name)
    if refused := st.session_state.pop("dfn_refused", None):
        st.warning(refused, icon=":material/front_hand:")
    for nth, saved in enumerate(found[:SHOWN]):
        before = found[nth + 1] if nth + 1 < len(found) else None
        _version(saved, before, newest=found[0])
    if found[SHOWN:]:
        st.caption(f"{len(found) - SHOWN} older versions are not shown.")


def _version(saved: SavedFunnel, before: SavedFunnel | None, newest: SavedFunnel) -> None:
    with st.container(border=True, key=f"dfn_version_{saved.version}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(width="content"):
                _states.card_head(
                    f"Version {saved.version}", f"{saved.saved_by} · {clock_time(saved.saved_at)}"
                )
            if saved is newest:
                st.badge("In use", color="green")
            else:
                st.button(
                    "Restore",
                    icon=":material/history:",
                    key=f"dfn_restore_{saved.version}",
                    on_click=_restore,
                    args=(saved, newest),
                )
        if before:
            _definition_saving.listed(
                changes(before.definition, saved.definition) or ["Says the same as the version before"]
            )
        else:
            _definition_saving.listed(
                [f"{step.label}: {step_sentence(step)}" for step in saved.definition.steps]
            )


def _restore(saved: SavedFunnel, newest: SavedFunnel) -> None:
    name = saved.definition.name
    try:
        by = _access.signed_in()
        restored = service.restore(_resources.engine(), by, name, saved.version, over=newest.version)
    except (AnalyticsError, AccessDenied) as error:
        st.session_state["dfn_refused"] = str(error)
        return
    _definition_drafts.forget_unchanged()
    st.toast(f"Version {saved.version} is back, as version {restored.version}.", icon=":material/check:")
