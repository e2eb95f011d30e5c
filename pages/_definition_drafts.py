"""The drafts of this browser session: they outlive a look at another page, and end with the session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import streamlit as st

from analytics import definitions, suggestions
from analytics.definitions import SavedFunnel
from analytics.drafts import Draft
from pages import _resources

_KEPT = "definition_drafts"


@dataclass(frozen=True, slots=True)
class Editing:
    slot: str  #: which of the session's drafts
    draft: Draft
    base: SavedFunnel | None  #: the version it began with; None for a new funnel
    #: Events to suggest and how often they happened. As when the editing began: while a person chooses, the
    #: options must not change under their hands.
    events: Mapping[str, int]

    @property
    def is_unsaved(self) -> bool:
        return self.draft.differs_from(self.base.definition if self.base else None)


def unsaved() -> dict[str, Editing]:
    """By slot, those with something to lose."""
    return {slot: one for slot, one in _kept().items() if one.is_unsaved}


def slot_of(name: str) -> str:
    return f"edit {name}"


def of_funnel(name: str) -> Editing:
    """The kept draft of a saved funnel, or a fresh one. Raises UnknownFunnel."""
    slot = slot_of(name)
    if slot not in _kept():
        saved = definitions.latest(_resources.engine(), name)
        keep(_begun(slot, Draft.of(saved.definition, saved.version), saved))
    return _kept()[slot]


def of_new(slot: str) -> Editing:
    """The kept draft of a new funnel, or an empty one."""
    if slot not in _kept():
        keep(_begun(slot, Draft(), None))
    return _kept()[slot]


def begin_new(draft: Draft) -> str:
    """Keep it as the draft of a new funnel, in a slot of its own."""
    keep(_begun(draft.key, draft, None))
    return draft.key


def keep(editing: Editing) -> None:
    _kept()[editing.slot] = editing


def forget(slot: str) -> None:
    _kept().pop(slot, None)


def forget_unchanged() -> None:
    """What has nothing to lose begins anew next time, with the newest version."""
    for slot in _kept().keys() - unsaved().keys():
        forget(slot)


def change(slot: str, edit: Callable[[Draft], Draft]) -> None:
    """For buttons that add, move or remove rows."""
    if slot in _kept():
        keep(replace(_kept()[slot], draft=edit(_kept()[slot].draft)))


def _begun(slot: str, draft: Draft, base: SavedFunnel | None) -> Editing:
    found = suggestions.events(_resources.funnels().reader)
    return Editing(slot, draft, base, {one.text: one.events for one in found})


def _kept() -> dict[str, Editing]:
    return cast("dict[str, Editing]", st.session_state.setdefault(_KEPT, {}))
