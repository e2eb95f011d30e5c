"""The histogram of times to convert."""

from html import escape

import streamlit as st

from analytics.views.time_to_convert import TimeBin, TimeToConvertView
from pages._words import count, duration


def histogram(view: TimeToConvertView) -> None:
    """One column a bin, as high as it has sessions; the bin of the median is marked."""
    found = view.histogram
    width = found.bin_seconds or 1
    # The last bin is the upper edge: it has a column only if some took exactly as long.
    bins = found.bins if found.bins[-1].sessions else found.bins[:-1]
    most = max(one.sessions for one in bins)
    columns = "".join(_column(one, width, most, found.median_seconds) for one in bins)
    ends = (bins[0].seconds, bins[len(bins) // 2].seconds, bins[-1].seconds + width)
    alt = (
        f"Times from {view.from_label} to {view.to_label}: {count(found.sessions)} sessions from "
        f"{duration(ends[0])} to {duration(ends[-1])}, median {duration(found.median_seconds)}"
    )
    marks = "".join(f"<span>{duration(seconds)}</span>" for seconds in ends)
    st.html(
        f'<div class="times" role="img" aria-label="{escape(alt)}"><div class="times-bins">{columns}</div>'
        f'<div class="times-x">{marks}</div></div>'
    )


def _column(one: TimeBin, width: int, most: int, median: float | None) -> str:
    holds_median = median is not None and one.seconds <= median < one.seconds + width
    title = f"{duration(one.seconds)} to {duration(one.seconds + width)}: {count(one.sessions)} sessions"
    kind = ' class="median"' if holds_median else ""
    height = one.sessions / most
    return f'<i{kind} style="--h:{height:.2%}" title="{title}"></i>'
