"""One session in the list: who, how far, since when, and what became of it."""

from html import escape
from typing import Literal

import streamlit as st

from analytics.sessions import SessionRow
from pages._sessions_words import MISSING
from pages._words import clock_time, duration

_COLORS: dict[str, Literal["green", "red", "blue", "gray"]] = {
    "converted": "green",
    "blocked": "red",
    "open": "blue",
    "left": "gray",
}


def text(row: SessionRow, zone: str) -> None:
    took = (row.furthest_at - row.entered_at).total_seconds()
    parts = [
        f"entered {clock_time(row.entered_at, zone)}",
        f"{duration(took)} to its furthest step" if took else "",
        "" if row.value is None else row.value or MISSING,
    ]
    st.html(
        f'<div class="letter"><b>{escape(row.session_id)}</b> <span>{escape(row.furthest)}</span>'
        f"<small>{escape(' · '.join(part for part in parts if part))}</small></div>"
    )


def badge(outcome: str) -> None:
    st.badge(outcome.capitalize(), color=_COLORS[outcome], width="content")
