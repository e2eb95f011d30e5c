"""The picture of the trend."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from analytics.rates import FEWEST_ENTRIES
from analytics.views.trend import TrendPoint, TrendView
from pages._plot import Area, Hint, Line, Plot, Point, plot, top_of
from pages._words import count, percent

MOST_MARKS = 6


def trend(view: TrendView) -> None:
    """A line with its interval where settled; dashed, between its bounds, where not."""
    points, width = view.points, 1 / max(len(view.points), 1)
    # A day with a handful of sessions can be anything: it must not flatten all the others.
    told = [point for point in points if point.entered >= FEWEST_ENTRIES] or points
    drawn = _Drawn(points, top_of([max(_highest(point), _high(point)) for point in told]))
    every = -(-len(points) // MOST_MARKS) or 1
    plot(
        Plot(
            alt=f"Conversion of {view.title} by {view.per} of entry. {view.finding}",
            top=drawn.top,
            marks=[(drawn.left(nth), _day(points[nth])) for nth in range(0, len(points), every)],
            areas=[
                *(drawn.area(run, _low, _high, "interval") for run in _runs(points, _is_drawn_settled)),
                *(drawn.area(run, _lowest, _highest, "bounds") for run in _runs(points, _is_unsettled)),
            ],
            lines=[
                *(drawn.line(run, dashed=True) for run in _runs(points, _has_rate)),
                *(drawn.line(run) for run in _runs(points, _is_drawn_settled)),
            ],
            hints=[Hint(nth * width, width, _said(point)) for nth, point in enumerate(points)],
        )
    )


class _Drawn:
    """Places points: each in the middle of its part of the width, shares relative to the top."""

    def __init__(self, points: Sequence[TrendPoint], top: float) -> None:
        self.points = points
        self.top = top

    def left(self, nth: float) -> float:
        return (nth + 0.5) / len(self.points)

    def line(self, run: Sequence[int], *, dashed: bool = False) -> Line:
        heights = [min(1.0, (self.points[nth].settled.share or 0.0) / self.top) for nth in run]
        points = [(self.left(nth), height) for nth, height in zip(run, heights, strict=True)]
        return Line(points, "faded" if dashed else "", dashed)

    def area(
        self,
        run: Sequence[int],
        lower: Callable[[TrendPoint], float],
        upper: Callable[[TrendPoint], float],
        kind: str,
    ) -> Area:
        return Area(self._edge(run, lower), self._edge(run, upper), kind)

    def _edge(self, run: Sequence[int], height: Callable[[TrendPoint], float]) -> list[Point]:
        """Over the whole width of the first and last part too, so that a single point has an area."""
        heights = [min(height(self.points[nth]) / self.top, 1.0) for nth in run]
        middles = [(self.left(nth), high) for nth, high in zip(run, heights, strict=True)]
        begin, end = (self.left(run[0] - 0.5), heights[0]), (self.left(run[-1] + 0.5), heights[-1])
        return [begin, *middles, end]


def _runs(points: Sequence[TrendPoint], belongs: Callable[[TrendPoint], bool]) -> Iterator[list[int]]:
    """The numbers of neighbouring points that belong."""
    for kept, run in groupby(range(len(points)), key=lambda nth: belongs(points[nth])):
        if kept:
            yield list(run)


def _has_rate(point: TrendPoint) -> bool:
    return point.settled.share is not None


def _is_drawn_settled(point: TrendPoint) -> bool:
    return point.is_settled and _has_rate(point)


def _is_unsettled(point: TrendPoint) -> bool:
    return not point.is_settled


def _low(point: TrendPoint) -> float:
    return point.settled.low or 0.0


def _high(point: TrendPoint) -> float:
    """Of the interval, which is drawn for settled points only."""
    return point.settled.high or 0.0 if point.is_settled else 0.0


def _lowest(point: TrendPoint) -> float:
    return point.observed.share or 0.0


def _highest(point: TrendPoint) -> float:
    return point.highest or 0.0


def _day(point: TrendPoint) -> str:
    return f"{point.begins.day} {point.begins:%b}"


def _said(point: TrendPoint) -> str:
    if not point.entered:
        return f"{_day(point)}: nobody entered"
    entered = f"{count(point.converted)} of {count(point.entered)} converted"
    if point.is_settled:
        between = f"95%: {percent(point.settled.low)} to {percent(point.settled.high)}"
        return f"{_day(point)}: {percent(point.settled.share)} ({between}), {entered}"
    bounds = f"in the end between {percent(point.observed.share)} and {percent(point.highest)}"
    return f"{_day(point)}: {entered}, {count(point.open)} still open; {bounds}"
