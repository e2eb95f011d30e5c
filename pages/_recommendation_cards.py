"""A recommendation on the screen: what it is worth, what speaks for it, what to do, and where to look."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import urlencode

import streamlit as st

from analytics.advice.records import EstimatedImpact, Evidence, Recommendation, Sessions
from analytics.funnels import FunnelDefinition
from analytics.question import Filter, Question
from infra.access.roles import Permission, Person
from pages import _sessions
from pages._words import days

#: The page that shows a piece of evidence: its path and what it is called.
PAGES = {
    "funnel": ("/funnel", "Funnel"),
    "cohorts": ("/cohorts", "Cohorts"),
    "compare": ("/compare", "Compare"),
    "heatmap": ("/drop-off-heatmap", "Drop-off"),
    "dead_letters": ("/dead-letters", "Dead letters"),
}
_OPEN = {"left": "Open those who left", "blocked": "Open those who wait"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at what: it decides which links there are."""

    person: Person
    definition: FunnelDefinition
    question: Question  #: its filters and zone

    def sessions(self, wanted: Sessions | None) -> str | None:
        """The address of the sessions that a sentence is about."""
        if wanted is None:
            return None
        definition = self.definition.within(wanted.window_seconds)
        where = self.question.where
        if wanted.dimension is not None and wanted.value is not None:
            where = (*where, Filter(wanted.dimension, (wanted.value,)))
        question = replace(self.question, since=wanted.since, until=wanted.until, where=where, breakdown=())
        links = _sessions.links_for(self.person, definition, question)
        return links.to(stopped=wanted.stopped, outcome=wanted.outcome, pattern=wanted.pattern)

    def page(self, name: str) -> str:
        """A link to the page that shows it; nothing for who may not see it."""
        if name == "dead_letters":
            if not self.person.may(Permission.READ_LETTERS):
                return ""
            return _link(PAGES[name][0], f"See it on {PAGES[name][1]}")
        path, title = PAGES[name]
        funnel = urlencode({"funnel": st.session_state.get("funnel") or self.definition.title})
        return _link(f"{path}?{funnel}", f"See it on {title}")


def card(one: Recommendation, reader: Reader) -> None:
    why = "".join(_evidence(evidence, reader) for evidence in one.evidence)
    actions = "".join(f"<li>{escape(action)}</li>" for action in one.suggested_actions)
    pages = dict.fromkeys(evidence.page for evidence in one.evidence)
    shown = " · ".join(filter(None, (reader.page(name) for name in pages)))
    st.html(
        f'<article class="rec"><div class="rechead">{_title(one)}{_worth(one.estimated_impact)}</div>'
        f'<div class="reccols"><section><h4>What speaks for it</h4><ul>{why}</ul></section>'
        f"<section><h4>What to do</h4><ol>{actions}</ol></section></div>"
        f'<p class="recif"><b>If:</b> {escape(one.estimated_impact.counterfactual)}</p>'
        f'<p class="reclinks">{shown}</p></article>'
    )


def briefs(recommendations: Sequence[Recommendation], reader: Reader) -> None:
    """The same in two lines each, for a page that is about more."""
    rows = "".join(
        f'<li><div class="rechead">{_title(one)}{_worth(one.estimated_impact)}</div>'
        f"<p>{escape(one.evidence[0].text)} {_opened(one.evidence[0], reader)}</p></li>"
        for one in recommendations
    )
    st.html(f'<ol class="recs">{rows}</ol>')


def _title(one: Recommendation) -> str:
    return (
        f'<div><span class="pri {escape(one.priority)}">{escape(one.priority.capitalize())}</span>'
        f"<b>{escape(one.title)}</b></div>"
    )


def _worth(impact: EstimatedImpact) -> str:
    low, high = amount(impact.low), amount(impact.high)
    return (
        f'<div class="worth"><b>+{amount(impact.sessions_per_week)}</b> a week'
        f"<small>95%: {low} to {high}</small></div>"
    )


def _evidence(evidence: Evidence, reader: Reader) -> str:
    period = days(evidence.period.first, evidence.period.last)
    return f"<li>{escape(evidence.text)} <small>{period}</small> {_opened(evidence, reader)}</li>"


def _opened(evidence: Evidence, reader: Reader) -> str:
    address = reader.sessions(evidence.sessions)
    if address is None or evidence.sessions is None:
        return ""
    return _link(address, _OPEN[evidence.sessions.outcome])


def _link(address: str, text: str) -> str:
    return f'<a class="reclink" href="{escape(address)}">{escape(text)}</a>'


def amount(sessions: float) -> str:
    """A number of sessions that need not be whole."""
    return f"{sessions:,.0f}" if sessions >= 10 else f"{sessions:.1f}"
