"""One group in the list, as text: what breaks, where, for how many people, and when in the last day."""

from datetime import datetime
from html import escape

import streamlit as st

from dlq.groups.summary import GroupSummary
from pages._words import ago, count

_LONGEST_MESSAGE = 160


def text(group: GroupSummary, when: str) -> None:
    parts = [group.task_name, group.place if group.place != group.task_name else "", when]
    note = f'<small class="note">{escape(group.note)}</small>' if group.note else ""
    st.html(
        f'<div class="letter"><b>{escape(group.exception_type)}</b> '
        f"<span>{escape(group.message[:_LONGEST_MESSAGE])}</span>"
        f"<small>{escape(' · '.join(part for part in parts if part))}</small>{note}</div>"
    )


def numbers(group: GroupSummary) -> None:
    """Sessions blocked, the letters that wait, and the last day."""
    blocked = "session blocked" if group.sessions_blocked == 1 else "sessions blocked"
    st.html(
        f'<div class="groupnumbers">{sparkline(group)}'
        f"<span><b>{count(group.sessions_blocked)}</b> {blocked}"
        f"<small>{escape(waiting(group))}</small></span></div>"
    )


def waiting(group: GroupSummary) -> str:
    said = f"{count(group.waiting)} waiting"
    if group.retrying:
        said += f", {count(group.retrying)} retrying"
    return f"{said} of {count(group.letters)}"


def sparkline(group: GroupSummary) -> str:
    """HTML: a bar for each of the last 24 hours; as one sentence to those who do not see it."""
    most = max(group.sparkline, default=0) or 1
    new, newest = count(sum(group.sparkline)), count(group.sparkline[-1])
    said = f"{new} new letters in the last 24 hours, {newest} in this one"
    bars = "".join(
        f'<i style="height:{number / most:.0%}"{"" if number else " class=none"}></i>'
        for number in group.sparkline
    )
    return f'<span class="spark" role="img" aria-label="{said}" title="{said}">{bars}</span>'


def seen(group: GroupSummary, now: datetime) -> str:
    return f"last seen {ago(group.last_seen_at, now)}" if group.last_seen_at else "no letters left"
