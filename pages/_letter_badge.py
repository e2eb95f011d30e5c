"""The state of a letter as one coloured word."""

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from dlq.letters import Status

_BADGES: Mapping[Status, tuple[str, Literal["red", "orange", "blue", "green", "gray"]]] = {
    Status.DEAD: ("Dead", "red"),
    Status.POISONED: ("Poisoned", "orange"),
    Status.RETRYING: ("Retrying", "blue"),
    Status.RESOLVED: ("Resolved", "green"),
    Status.DISCARDED: ("Discarded", "gray"),
}


def status(of: Status) -> None:
    label, color = _BADGES[of]
    st.badge(label, color=color, width="content")
