"""The numbers and cards of the Compare page, each a rendering of one part of the same ComparisonView."""

from typing import Any, Literal

import streamlit as st

from analytics.statistics.comparison import MOVED
from analytics.views.comparison_records import ComparisonView, PeriodNumbers
from pages import _compare_charts, _numbers, _states
from pages._compare_charts import Part
from pages._filters import MISSING
from pages._words import change, count, days, duration, longer, percent, points

_MEANING = (
    "Rates are settled: converted / (entered - open), so sessions that may still arrive move them neither "
    "way. Intervals of a change are Newcombe's, p is of the two-proportion test, corrected for all tests of "
    "this page (Benjamini-Hochberg). Improving and declining mean p below 0.05; fewer than 30 settled "
    "sessions on a side are too few to tell. The steps' parts (LMDI) and the segments' parts of mix and rate "
    "(Kitagawa) add up to the change."
)
_COLUMNS: dict[str, Any] = {
    "part": "Part",
    "name": "Name",
    "before": _numbers.percent_column("Before"),
    "before_of": _numbers.count_column("of"),
    "after": _numbers.percent_column("After"),
    "after_of": _numbers.count_column("of"),
    "change": _numbers.points_column("Change"),
    "low": _numbers.points_column("95% from"),
    "high": _numbers.points_column("to"),
    "p_value": _numbers.p_value_column("p, corrected"),
    "verdict": st.column_config.TextColumn("Verdict", width=110),
    "contribution": _numbers.points_column("Adds by rate"),
    "mix": _numbers.points_column("Adds by mix"),
    "share_before": _numbers.percent_column("Share before"),
    "share_after": _numbers.percent_column("Share after"),
}


def numbers(view: ComparisonView) -> None:
    """Conversion, entered, converted and time to convert of the second period, against the first."""
    changes, now, before = view.changes, view.period2, view.period1
    is_more_than_chance = changes.trend in MOVED
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        _number(
            f"Conversion: {changes.trend}",
            percent(now.settled.share),
            points(changes.conversion_rate_change),
            f"from {percent(before.settled.share)}",
            color="normal" if is_more_than_chance else "off",
            text="Settled rate: open sessions are left out. The arrow is grey where chance may explain it.",
        )
        entered = change(changes.entered_change)
        _number("Entered", count(now.entered), entered, f"from {count(before.entered)}", color="off")
        more = f"{changes.converted_change:+,}" if changes.converted_change else None
        _number("Converted", count(now.converted), more, f"from {count(before.converted)}", color="off")
        _number(
            "Median time to convert",
            duration(now.median_seconds),
            longer(changes.median_seconds_change),
            f"from {duration(before.median_seconds)}",
            color="off",
            text="From entry to the last step, over the sessions that made it. Within 1%.",
        )


def _number(
    label: str,
    value: str,
    delta: str | None,
    against: str,
    *,
    color: Literal["normal", "off"],
    text: str | None = None,
) -> None:
    st.metric(
        label,
        value,
        delta,
        delta_color=color,
        delta_description=against if delta else None,
        border=True,
        height="stretch",
        help=text,
    )


def findings(view: ComparisonView) -> None:
    _states.card_head("What changed", f"{span(view.period2)}, compared with {span(view.period1)}")
    for sentence in view.findings:
        _states.note(sentence)


def span(numbers: PeriodNumbers) -> str:
    return days(numbers.period.first, numbers.period.last)


def steps(view: ComparisonView) -> None:
    _states.card_head("Which steps explain it", "What each step adds to the change of the conversion rate")
    _fall(view, [Part(step.label, step.contribution or 0.0) for step in view.steps])
    _compare_charts.steps(view.steps)


def mix(view: ComparisonView) -> None:
    """Who entered, and how well each kind did."""
    _states.card_head(
        f"Mix and rate by {str(view.by_label).lower()}",
        "How much comes from who entered, and how much from how well each kind did",
    )
    if view.mix is None:
        st.caption("Nobody entered in one of the periods.")
        return
    rates = [Part(f"Rate of {part.value or MISSING}", part.rate) for part in view.mix.segments]
    _fall(view, [Part("Who entered (mix)", view.mix.mix), *rates])
    _compare_charts.segments(view.mix.segments)


def _fall(view: ComparisonView, parts: list[Part]) -> None:
    before, after = view.period1.settled.share, view.period2.settled.share
    if before is None or after is None:
        st.caption("Nobody entered in one of the periods, so there is nothing to explain.")
        return
    label = f"From {percent(before)} to {percent(after)}"
    _compare_charts.waterfall(Part("Before", before), parts, Part("After", after), label)


def table(view: ComparisonView) -> None:
    _states.card_head("The numbers", "What the charts show, to read, sort and copy")
    _numbers.table(view, key="compare", meaning=_MEANING, columns=_COLUMNS)
