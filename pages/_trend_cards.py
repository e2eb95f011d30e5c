"""Two cards for the Funnel page: conversion over the days of entry, and how long it takes to convert."""

import streamlit as st

from analytics.funnels import FunnelDefinition
from analytics.question import Question
from analytics.views.time_to_convert import TIME_TO_CONVERT, TimeToConvertView
from analytics.views.trend import TREND
from infra.access.roles import Person
from pages import _downloads, _histogram, _numbers, _resources, _states, _trend_charts
from pages._words import count, duration

_PER = {"Days": "day", "Weeks": "week"}
_TREND_MEANING = (
    "A session counts once, at the day of its entry. The line is converted / (entered - open), with its 95% "
    "Wilson interval. Where sessions are still open it is dashed, and the pale band reaches from the rate if "
    "all of them leave to the rate if all of them arrive."
)
_TIME_MEANING = (
    "Sessions that made both steps, by the time between them. A bin ends before the next begins. Sessions "
    "that made both in one instant are in a bin, but in neither average nor median. Counts and average are "
    "exact, the median is within 1%."
)


def trend(person: Person, definition: FunnelDefinition, question: Question) -> None:
    """Conversion by day or week of entry, the unsettled part drawn as such."""
    with st.container(border=True, key="card_trend", height="stretch"), _states.failures_shown("The trend"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            with st.container(width="content"):
                _states.card_head("Conversion over time", "By day of entry, without open sessions")
            per = st.segmented_control(
                "Per", list(_PER), default="Days", key="trend_per", bind="query-params", required=True,
                label_visibility="collapsed",
            )  # fmt: skip
        with st.skeleton(height=230):
            view = _resources.funnels().view(
                person, TREND, definition, question, now=_resources.now(), per=_PER[per]
            ).view  # fmt: skip
        _trend_charts.trend(view)
        _states.note(view.finding)
        _numbers.expander(
            view,
            key="trend",
            files=_downloads.of_view("trend", definition, question, per=_PER[per]),
            meaning=_TREND_MEANING,
            columns={
                view.per: "Day" if view.per == "day" else "Week from",
                "entered": _numbers.count_column("Entered"),
                "converted": _numbers.count_column("Converted"),
                "open": _numbers.count_column("Open"),
                "settled": _numbers.percent_column("Settled rate"),
                "low": _numbers.percent_column("95% from"),
                "high": _numbers.percent_column("to"),
                "observed": _numbers.percent_column("If all open leave"),
                "highest": _numbers.percent_column("If all open arrive"),
            },
        )


def time_to_convert(person: Person, definition: FunnelDefinition, question: Question) -> None:
    """The histogram of the times between two steps, from entry to the last unless chosen otherwise."""
    with (
        st.container(border=True, key="card_time", height="stretch"),
        _states.failures_shown("The time to convert"),
    ):
        _states.card_head("Time to convert", "Sessions by the time from one step to another")
        from_step, to_step = _ends(definition)
        with st.skeleton(height=230):
            view = _resources.funnels().view(
                person, TIME_TO_CONVERT, definition, question, now=_resources.now(), from_step=from_step,
                to_step=to_step,
            ).view  # fmt: skip
        if not view.histogram.sessions:
            _states.state("Nobody made both steps", "Other steps, or other days, may have some.")
            return
        _histogram.histogram(view)
        _states.note(_sentence(view))
        _numbers.expander(
            view,
            key="time",
            files=_downloads.of_view(
                "time-to-convert", definition, question, from_step=from_step, to_step=to_step
            ),
            meaning=_TIME_MEANING,
            columns={
                "from_seconds": _numbers.count_column("From, seconds"),
                "to_seconds": _numbers.count_column("To, seconds"),
                "sessions": _numbers.count_column("Sessions"),
            },
        )


def _ends(definition: FunnelDefinition) -> tuple[int, int]:
    steps, last = range(len(definition.steps)), definition.last_step
    labels = [step.label for step in definition.steps]
    with st.container(horizontal=True):
        begin = st.selectbox("From", steps[:-1], format_func=labels.__getitem__, key="time_from")
        ends = list(steps[begin + 1 :])
        end = st.selectbox("To", ends, index=len(ends) - 1, format_func=labels.__getitem__, key="time_to")
    return begin, end if end in ends else last


def _sentence(view: TimeToConvertView) -> str:
    found = view.histogram
    at_once = f", {count(found.at_once)} of them at once" if found.at_once else ""
    median, average = duration(found.median_seconds), duration(found.average_seconds)
    return (
        f"Half take at most {median}: the average of {count(found.sessions)} sessions is {average}{at_once}."
    )
