"""Factors as a table: how often those with and without convert, and the odds ratio with its interval."""

import math
from dataclasses import replace
from html import escape

import streamlit as st

from analytics.question import Filter
from analytics.rates import Rate
from analytics.views.correlation import CorrelationView, Factor
from pages import _numbers, _sessions, _states
from pages._words import count, percent

#: Odds ratios from 1/SCALE to SCALE have a place on the line; others stand at its end.
SCALE = 10.0
COLUMNS = {
    "factor": "Factor",
    "with_it": _numbers.count_column("With it"),
    "rate_with_it": _numbers.percent_column("Converted"),
    "without": _numbers.count_column("Without"),
    "rate_without": _numbers.percent_column("Converted"),
    "odds_ratio": st.column_config.NumberColumn("Odds ratio", format="%.2f"),
    "low": st.column_config.NumberColumn("95% from", format="%.2f"),
    "high": st.column_config.NumberColumn("to", format="%.2f"),
    "corrected_p_value": _numbers.p_value_column("Corrected p"),
    "goes_with": "Goes with",
}
_SAID = {
    "converting": ("converting", "more"),
    "leaving": ("leaving", "less"),
    "neither": ("no difference shown", ""),
    "too few to tell": ("too few to tell", ""),
}


def factors(view: CorrelationView, links: _sessions.Links) -> None:
    what = "Events" if view.kind == "events" else "Values"
    _states.card_head(
        f"{what} that go with converting or leaving",
        "Converted among those with it and without; an odds ratio of 1, the middle line, is no difference",
    )
    if not view.factors:
        _states.state("Nothing to compare", view.finding)
    else:
        rows = "".join(_row(one, links) for one in view.factors)
        st.html(
            '<table class="changes factors"><thead><tr><td></td><th scope="col">With it</th>'
            '<th scope="col">Without</th><th scope="col" class="wide">Odds ratio</th>'
            f'<th scope="col">Goes with</th></tr></thead><tbody>{rows}</tbody></table>'
        )
    if view.left_out or view.values_left_out:
        st.caption(_left_out(view))
    st.caption(view.meaning)


def _row(one: Factor, links: _sessions.Links) -> str:
    said, kind = _SAID[one.goes_with]
    with_it = _sessions.linked(_rate(one.with_it), _address(one, links))
    return (
        f'<tr><th scope="row">{escape(one.label)}</th><td>{with_it}</td><td>{_rate(one.without)}</td>'
        f'<td class="wide">{_odds(one)}</td><td><span class="off {kind}">{said}</span></td></tr>'
    )


def _rate(rate: Rate) -> str:
    return f"{percent(rate.share)}<small>{count(rate.count)} of {count(rate.of)}</small>"


def _address(one: Factor, links: _sessions.Links) -> str | None:
    """Those with the value who converted: what the number before "of" counts."""
    if one.value is None:
        return None
    where = (*links.question.where, Filter(one.name, (one.value,)))
    narrowed = replace(links, question=replace(links.question, where=where, breakdown=()))
    return narrowed.to(outcome="converted")


def _odds(one: Factor) -> str:
    if one.odds_ratio is None or one.low is None or one.high is None:
        return "–"
    low, middle, high = (_place(ratio) for ratio in (one.low, one.odds_ratio, one.high))
    return (
        f'<div class="range odds"><i style="left:{low:.1%};width:{high - low:.1%}"></i>'
        f'<u style="left:{middle:.1%}"></u></div>'
        f"<small>{one.odds_ratio:.2f} (95%: {one.low:.2f} to {one.high:.2f})</small>"
    )


def _place(ratio: float) -> float:
    return min(1.0, max(0.0, 0.5 + math.log(ratio) / (2 * math.log(SCALE))))


def _left_out(view: CorrelationView) -> str:
    what = "events" if view.kind == "events" else "properties"
    parts = [f"{count(view.left_out)} further {what}"] if view.left_out else []
    parts += [f"{count(view.values_left_out)} rarer values"] if view.values_left_out else []
    return f"Not shown, and not compared: {' and '.join(parts)}."
