"""The cards of the Funnel page, each a rendering of one part of the same FunnelView."""

from collections.abc import Sequence
from math import nan
from operator import attrgetter
from typing import Any

import pandas as pd
import streamlit as st

from analytics.sessions import GONE
from analytics.views.records import FunnelView, StepView
from pages import _charts, _states
from pages._sessions import Way, nowhere
from pages._words import count, duration

_MEANINGS = {
    "converted": "reached the last step in time",
    "blocked": "wait behind a task of ours that died",
    "open": "still inside their window",
    "left": "did not go on, and nothing of ours stood in the way",
}


_COLUMNS: dict[str, Any] = {
    "value": "Value",
    "step": "Step",
    "reached": st.column_config.NumberColumn("Reached", format="localized"),
    "share_of_entered": st.column_config.NumberColumn("Of entered", format="percent"),
    "share_of_previous": st.column_config.NumberColumn("Of step before", format="percent"),
    "gone_here": st.column_config.NumberColumn("Stopped here", format="localized"),
    "loss": st.column_config.NumberColumn("Loss", format="percent"),
    "blocked_here": st.column_config.NumberColumn("Blocked", format="localized"),
    "open_here": st.column_config.NumberColumn("Open", format="localized"),
    "left_here": st.column_config.NumberColumn("Left", format="localized"),
    "median_seconds": "Median from step before",
    "average_seconds": "Average",
}


def steps(view: FunnelView, to: Way = nowhere) -> None:
    _states.card_head(
        "Steps", f"Sessions, in this order, each within {duration(view.window_seconds)} of its entry"
    )
    _charts.funnel(bars(view.steps, to), f"Steps of {view.title}")


def bars(steps: Sequence[StepView], to: Way) -> list[_charts.Bar]:
    """One for each step; its parts lead where `to` says."""
    return [_bar(at, step, to) for at, step in enumerate(steps)]


def _bar(at: int, step: StepView, to: Way) -> _charts.Bar:
    return _charts.Bar(
        label=step.label,
        reached=step.reached,
        share=step.share_of_entered or 0.0,
        gone=step.gone_here if step.loss is not None else None,
        loss=step.loss,
        open=step.stopped.open,
        previous_reached=step.previous_reached,
        # Everybody who entered entered: a tick at the first step says nothing.
        previous_share=step.previous_share_of_entered if at else None,
        address=to(reached=at),
        gone_address=to(stopped=at, outcome=GONE),
        open_address=to(stopped=at, outcome="open"),
    )


def outcomes(view: FunnelView, to: Way = nowhere, *, letters_shown: bool) -> None:
    """What became of everybody who entered, and the one sentence to take away."""
    _states.card_head("Where they stand", "Every session that entered, once")
    number, share = attrgetter(*_MEANINGS)(view.outcomes), attrgetter(*_MEANINGS)(view.outcome_shares)
    parts = zip(_MEANINGS.items(), number, share, strict=True)
    _charts.outcomes(
        [_charts.Outcome(*word, sessions, part or 0.0, to(outcome=word[0])) for word, sessions, part in parts]
    )
    _states.note(view.finding)
    if view.outcomes.blocked and letters_shown:
        st.page_link("dead_letters.py", label="Open the dead letters", icon=":material/mark_email_unread:")


def groups(view: FunnelView, to: Way = nowhere) -> None:
    """The share lost before each step, for every value of the breakdown."""
    _states.card_head(
        f"Where people leave, by {str(view.breakdown_label).lower()}",
        "Share of those at the step before who stopped; grey rows have too few entries to tell",
    )
    rows = [
        _charts.HeatRow(
            group.label,
            group.entered,
            group.settled.of,
            tuple(step.loss_before for step in group.steps[1:]),
            tuple(to(stopped=at, outcome=GONE, value=group.value) for at in range(len(group.steps) - 1)),
        )
        for group in view.groups
    ]
    _charts.heat([step.label for step in view.steps[1:]], rows)
    if view.breakdown_finding:
        _states.note(view.breakdown_finding)
    if view.folded_values:
        st.caption(f"Other stands for {count(view.folded_values)} further values.")


def table(view: FunnelView) -> None:
    """The same numbers as rows, for everybody and for each value of the breakdown."""
    _states.card_head("The numbers", "What the charts show, to read, sort and copy")
    header, *rows = view.to_rows()
    frame = pd.DataFrame(rows, columns=header)
    frame["value"] = frame["value"].replace("", "Everybody")
    for column in ("median_seconds", "average_seconds"):
        frame[column] = [duration(seconds) for seconds in frame[column].replace({nan: None})]
    shown = list(_COLUMNS) if view.groups else list(_COLUMNS)[1:]
    st.dataframe(
        frame[shown],
        hide_index=True,
        placeholder="–",
        key="table",
        alt=f"Steps of {view.title} with counts, shares and times",
        column_config={**_COLUMNS, "value": view.breakdown_label or "Value"},
    )
