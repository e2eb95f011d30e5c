"""Lines and areas over two axes, as HTML: they follow the theme switch at once and fit any width.

`st.html` takes no SVG elements. So every shape is a CSS mask, an SVG of numbers alone, through which a colour
of style.css shows. To a screen reader a plot is one picture with one sentence; its numbers stand in the table
of its card.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from urllib.parse import quote

import streamlit as st

_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
#: The shapes' own units, in both directions, and how far they reach beyond the box, so that a line along its
#: edge is not cut: the 2 of 190 pixels in style.css.
_SIZE = 1000
_BLEED = 10.5

Point = tuple[float, float]  #: both from 0 to 1, from the left and from the bottom


@dataclass(frozen=True, slots=True)
class Line:
    points: Sequence[Point]
    kind: str = ""  #: classes of style.css
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    lower: Sequence[Point]
    upper: Sequence[Point]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """What a pointer shows over a part of the width."""

    left: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    alt: str  #: the sentence that stands for the picture
    top: float  #: the share at the upper end; heights of points are relative to it
    marks: Sequence[tuple[float, str]]  #: along the lower axis
    areas: Sequence[Area] = ()
    lines: Sequence[Line] = ()
    hints: Sequence[Hint] = ()


def top_of(shares: Sequence[float]) -> float:
    """The smallest round share that none of these exceeds."""
    highest = max(shares, default=1.0)
    return next((top for top in _TOPS if top >= highest), 1.0)


def plot(drawn: Plot) -> None:
    shapes = "".join([*map(_area, drawn.areas), *map(_line, drawn.lines)])
    heights = (0.0, 0.5, 1.0)
    grid = "".join(f'<i class="grid" style="bottom:{height:.0%}"></i>' for height in heights)
    shares = "".join(
        f'<span style="bottom:{height:.0%}">{height * drawn.top * 100:.3g}%</span>' for height in heights
    )
    marks = "".join(f'<span style="left:{left:.2%}">{escape(text)}</span>' for left, text in drawn.marks)
    hints = "".join(map(_hint, drawn.hints))
    st.html(
        f'<div class="plot" role="img" aria-label="{escape(drawn.alt)}"><div class="plot-y">{shares}</div>'
        f'<div class="plot-box">{grid}{shapes}{hints}</div><div class="plot-x">{marks}</div></div>'
    )


def stairs(points: Sequence[Point]) -> list[Point]:
    """The line that keeps its height up to the next point."""
    steps = list(points[:1])
    for (_, before), (left, height) in pairwise(points):
        steps += [(left, before), (left, height)]
    return steps


def _hint(hint: Hint) -> str:
    place = f"left:{hint.left:.3%};width:{hint.width:.3%}"
    return f'<i class="hint" style="{place}" title="{escape(hint.text)}"></i>'


def _line(line: Line) -> str:
    if not line.points:
        return ""
    if len(line.points) == 1:
        # A point has no length; the round ends of its stroke make it a dot.
        return _shape(_stroke([*line.points, *line.points], "stroke-width='6'"), line.kind)
    dashes = " stroke-dasharray='4 6'" if line.dashed else ""
    return _shape(_stroke(line.points, f"stroke-width='2'{dashes}"), line.kind)


def _stroke(points: Sequence[Point], how: str) -> str:
    style = "fill='none' stroke='#000' stroke-linecap='round' stroke-linejoin='round'"
    return f"<path vector-effect='non-scaling-stroke' {style} {how} d='M{_path(points)}'/>"


def _area(area: Area) -> str:
    outline = [*area.upper, *reversed(area.lower)]
    return _shape(f"<path d='M{_path(outline)}Z'/>", area.kind)


def _shape(path: str, kind: str) -> str:
    box = f"0 {-_BLEED} {_SIZE} {_SIZE + 2 * _BLEED}"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='{box}' preserveAspectRatio='none'>{path}</svg>"
    return f"""<i class="shape {kind}" style="--shape:url('data:image/svg+xml,{quote(svg)}')"></i>"""


def _path(points: Sequence[Point]) -> str:
    return "L".join(f"{left * _SIZE:.1f} {(1 - height) * _SIZE:.1f}" for left, height in points)
