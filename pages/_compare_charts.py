"""From one rate to another: the parts of a change as a waterfall, and the steps as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate, pairwise

import streamlit as st

from analytics.statistics.mix_and_rate import SegmentChange
from analytics.views.comparison_records import RateChange, StepChange
from pages._filters import MISSING
from pages._words import count, percent

#: Of the span that the parts cover, how much is left free on both sides.
_MARGIN = 0.06


@dataclass(frozen=True, slots=True)
class Part:
    label: str
    change: float  #: of the rate; 0.01 is one point


def waterfall(start: Part, parts: Sequence[Part], end: Part, label: str) -> None:
    """The rates at both ends as marks, and between them what each part adds or takes away.

    The scale covers only the rates in question, so marks and bars have meaning by place and width, not from
    zero on.
    """
    levels = list(accumulate((part.change for part in parts), initial=start.change))
    low, high = min(levels), max(levels)
    free = (high - low) * _MARGIN or 0.01
    low, high = low - free, high + free

    def place(level: float) -> float:
        return (level - low) / (high - low)

    rows = [_end(start, place(start.change))]
    rows += [_part(part, *map(place, pair)) for part, pair in zip(parts, pairwise(levels), strict=True)]
    rows.append(_end(end, place(levels[-1])))
    st.html(f'<ol class="fall" aria-label="{escape(label)}">{"".join(rows)}</ol>')


def _end(end: Part, at: float) -> str:
    return _row(end.label, f'<u style="left:{at:.2%}"></u>', percent(end.change), ' class="end"')


def _part(part: Part, begins: float, ends: float) -> str:
    kind = ' class="down"' if part.change < 0 else ""
    bar = f'<i{kind} style="left:{min(begins, ends):.2%};width:{abs(ends - begins):.2%}"></i>'
    return _row(part.label, bar, _points(part.change), "")


def _row(label: str, drawn: str, value: str, kind: str) -> str:
    return f'<li{kind}><span>{escape(label)}</span><div class="track">{drawn}</div><span>{value}</span></li>'


def steps(changes: Sequence[StepChange]) -> None:
    """One row per way from step to step, with its rate in both periods."""
    heads = ("Reached, of those at the step before", "Before", "After", "Change")
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(map(_step, changes))
    st.html(f'<table class="changes"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _step(step: StepChange) -> str:
    sides = "".join(
        f"<td>{percent(rate.share)}<small>{count(rate.count)} of {count(rate.of)}</small></td>"
        for rate in (step.before, step.after)
    )
    change = f"<td>{_change(step.change, step.verdict)}</td>"
    return f'<tr><th scope="row">{escape(step.label)}</th>{sides}{change}</tr>'


def _change(change: RateChange, verdict: str) -> str:
    if change.difference is None or change.low is None or change.high is None:
        return f"<small>{verdict}</small>"
    kind = {"different": " more" if change.difference > 0 else " less"}.get(verdict, "")
    between = f"<small>{change.low * 100:+.1f} to {change.high * 100:+.1f}</small>"
    return f'<b class="off{kind}">{_points(change.difference)}</b>{between}<small>{verdict}</small>'


def segments(parts: Sequence[SegmentChange]) -> None:
    """One row per segment, with its share of the sessions and its rate in both periods."""
    heads = ("Segment", "Share before", "after", "Rate before", "after")
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(map(_segment, parts))
    st.html(f'<table class="changes"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _segment(part: SegmentChange) -> str:
    shares = (part.share_before, part.share_after, part.rate_before, part.rate_after)
    cells = "".join(f"<td>{percent(one)}</td>" for one in shares)
    return f'<tr><th scope="row">{escape(part.value or MISSING)}</th>{cells}</tr>'


def _points(difference: float) -> str:
    # The sum turns -0.0 into 0.0: what rounds to nothing has no direction.
    return f"{round(difference * 100, 1) + 0.0:+.1f} pp"
