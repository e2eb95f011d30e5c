"""Conversion by day or week of entry, with what is not settled yet told apart from what is.

While sessions of a day are open, its rate can only be given bounds: all of them may leave, or all may arrive.
"""

import datetime as dt
from dataclasses import dataclass, replace

from analytics.errors import InvalidQuery, listed
from analytics.kernel.arrays import CONVERTED, OPEN
from analytics.queries import Asked, FunnelResult, Reader
from analytics.rates import Rate, share
from analytics.timing import by_entry_day, by_entry_week
from analytics.views.kinds import Cell, ViewKind

_BINS = {"day": by_entry_day, "week": by_entry_week}


@dataclass(frozen=True, slots=True)
class TrendPoint:
    begins: dt.date  #: the day, or the Monday of the week, in the asked zone
    entered: int
    converted: int
    open: int  #: of those who entered, still inside their window
    observed: Rate  #: converted / entered
    settled: Rate  #: converted / (entered - open)
    highest: float | None  #: the observed rate if all open sessions arrive; None when nobody entered

    @property
    def is_settled(self) -> bool:
        return self.open == 0


@dataclass(frozen=True, slots=True)
class TrendView:
    name: str
    title: str
    zone: str
    per: str  #: "day" or "week"
    points: tuple[TrendPoint, ...]  #: in order, days without entries too
    settled: Rate  #: of all points together
    open: int
    finding: str  #: one plain sentence

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row per point."""
        columns = ["entered", "converted", "open", "observed", "settled", "low", "high", "highest"]
        return [[self.per, *columns], *(_row(point) for point in self.points)]


def trend_view(reader: Reader, asked: Asked, *, per: str = "day") -> TrendView:
    """Raises InvalidQuery unless `per` is "day" or "week", and as Reader.ask."""
    if per not in _BINS:
        raise InvalidQuery("per", f"{per!r} is not known; {listed('allowed', _BINS)}")
    everybody = replace(asked.question, breakdown=())
    return _view(reader.ask(replace(asked, question=everybody, labels=None, binned=_BINS[per])), per)


def _view(result: FunnelResult, per: str) -> TrendView:
    by_outcome = result.total.by_bin.sum(axis=1).tolist()
    points = tuple(
        _point(begins, sum(counts), counts[CONVERTED], counts[OPEN])
        for begins, counts in zip(result.timing.labels, by_outcome, strict=True)
    )
    still_open = sum(point.open for point in points)
    return TrendView(
        name=result.definition.name,
        title=result.definition.title or result.definition.name,
        zone=result.question.zone,
        per=per,
        points=points,
        settled=Rate.of_counts(
            sum(point.converted for point in points), sum(point.entered for point in points) - still_open
        ),
        open=still_open,
        finding=_finding(points, per),
    )


def _point(begins: dt.date, entered: int, converted: int, still_open: int) -> TrendPoint:
    return TrendPoint(
        begins=begins,
        entered=entered,
        converted=converted,
        open=still_open,
        observed=Rate.of_counts(converted, entered),
        settled=Rate.of_counts(converted, entered - still_open),
        highest=share(converted + still_open, entered),
    )


def _finding(points: tuple[TrendPoint, ...], per: str) -> str:
    """From when on the rate can still move, and how far."""
    unsettled = [point for point in points if not point.is_settled]
    if not any(point.entered for point in points):
        return "Nobody entered this funnel in these days."
    if not unsettled:
        return f"Every {per} is settled: no session is open any more."
    tail = points[points.index(unsettled[0]) :]
    entered, still_open = sum(point.entered for point in tail), sum(point.open for point in tail)
    since = f"{unsettled[0].begins.day} {unsettled[0].begins:%B}"
    verb = "is" if still_open == 1 else "are"
    return (
        f"Not settled since {since}: {still_open:,} of {entered:,} sessions that entered since then "
        f"{verb} still open, so these rates will move, up or down."
    )


def _row(point: TrendPoint) -> list[Cell]:
    counts: list[Cell] = [point.begins.isoformat(), point.entered, point.converted, point.open]
    settled = point.settled
    return [*counts, point.observed.share, settled.share, settled.low, settled.high, point.highest]


TREND = ViewKind("trend", TrendView, trend_view)
