"""The last line of a page: when its numbers were made, by whom, and what was kept out of them."""

from datetime import datetime
from typing import Any

import streamlit as st

from analytics import catalogue
from analytics.cache import Answer, CacheCounts
from pages import _resources
from pages._words import ago, count


def footer(answer: Answer[Any], how: str = "") -> None:
    """`how` says how the page's numbers are made, before all else."""
    with st.container(key="footer"):
        if how:
            st.caption(how)
        parts = [_made(answer, _resources.now()), _cache(_resources.funnels().cache.counts)]
        early = catalogue.waiting(_resources.engine()).events
        if early:
            events = "1 event" if early == 1 else f"{count(early)} events"
            parts.append(f"kept apart until their time has come: {events} of the future")
        st.caption(" · ".join(parts))


def _made(answer: Answer[Any], now: datetime) -> str:
    came = "from the cache" if answer.from_cache else "computed for this page"
    return f"Numbers of {ago(answer.computed_at, now)}, {came}"


def _cache(counts: CacheCounts) -> str:
    asked = counts.hits + counts.misses + counts.unavailable
    said = f"Cache of this process: {count(counts.hits)} of {count(asked)} found"
    if counts.waits:
        said += f", {count(counts.waits)} waited for another's computation"
    if counts.unavailable:
        said += f", {count(counts.unavailable)} computed while Redis was away"
    return said
