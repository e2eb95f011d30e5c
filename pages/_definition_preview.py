"""What a draft would count, beside what its saved version counts, over the same newest days."""

from html import escape

import streamlit as st

from analytics.errors import AnalyticsError
from analytics.funnels import FunnelDefinition
from analytics.views.records import FunnelView, StepView
from infra.access.roles import Person
from pages import _resources, _states
from pages._words import count, days, duration, percent
from recovery.definitions import PREVIEW_DAYS, Preview, PreviewRow, preview


def card(by: Person, draft: FunnelDefinition | None, saved: FunnelDefinition | None) -> None:
    """Counted last, so that everything can be edited meanwhile; None waits for a valid draft."""
    with st.container(border=True, key="card_dfn_preview"):
        if draft is None:
            _states.card_head("Preview", "Appears once the definition is complete")
            return
        _states.card_head("Preview", f"The newest {PREVIEW_DAYS} days of entries, counted as the page counts")
        with st.skeleton(height=240):
            _show(by, draft, saved)


def _show(by: Person, draft: FunnelDefinition, saved: FunnelDefinition | None) -> None:
    try:
        found = preview(_resources.funnels(), by, draft, saved, now=_resources.now())
    except AnalyticsError as error:
        st.warning(f"This cannot be counted now: {error}")
        return
    if found is None:
        st.caption("The first step has never happened, so there is nothing to count yet.")
        return
    st.html(_table(found))
    st.caption(_period(found.draft))


def _table(found: Preview) -> str:
    body = "".join(_row(row, has_saved=found.saved is not None) for row in found.rows)
    sides = [("Draft", found.draft), *([("Saved", found.saved)] if found.saved else [])]
    head = "".join(f'<th scope="col">{name}</th>' for name, _ in sides)
    rates = "".join(f"<td>{percent(view.observed.share)}</td>" for _, view in sides)
    times = "".join(f"<td>{duration(view.median_seconds)}</td>" for _, view in sides)
    return (
        f'<table class="dfn-preview"><thead><tr><th scope="col">Step</th>{head}</tr></thead>'
        f'<tbody>{body}</tbody><tfoot><tr><th scope="row">Conversion</th>{rates}</tr>'
        f'<tr><th scope="row">Median time</th>{times}</tr></tfoot></table>'
    )


def _row(row: PreviewRow, *, has_saved: bool) -> str:
    shown = row.draft or row.saved
    label = escape(shown.label) if shown else ""
    share = row.draft.share_of_entered if row.draft and row.draft.share_of_entered else 0.0
    bar = (
        f'<span class="bar"><i style="width:{share:.2%}"></i></span>'
        if row.draft
        else "<small>dropped</small>"
    )
    saved = _cell(row.saved) if has_saved else ""
    gone = "" if row.draft else ' class="gone"'
    return f'<tr{gone}><th scope="row">{label}{bar}</th>{_cell(row.draft)}{saved}</tr>'


def _cell(step: StepView | None) -> str:
    if step is None:
        return "<td>–</td>"
    return f"<td>{count(step.reached)}<small>{percent(step.share_of_entered)}</small></td>"


def _period(view: FunnelView) -> str:
    still_open = f" · {count(view.outcomes.open)} still open" if view.outcomes.open else ""
    return f"Entered {days(view.period.first, view.period.last)}{still_open}"
