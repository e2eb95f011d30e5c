"""One period tested against another: conversion, and each way from step to step, corrected together."""

from dataclasses import dataclass
from itertools import pairwise

from analytics.queries import FunnelResult
from analytics.rates import Rate
from analytics.statistics.comparison import Difference, Trend, difference, trend
from analytics.statistics.correction import benjamini_hochberg
from analytics.views.row_counts import RowCounts


@dataclass(frozen=True, slots=True)
class Tested:
    before: Rate
    after: Rate
    difference: Difference
    p_value: float | None  #: corrected


@dataclass(frozen=True, slots=True)
class PeriodTests:
    conversion: Tested  #: of the settled rates
    steps: tuple[Tested, ...]  #: of each way between steps that nobody skips, over sessions that are not open

    @property
    def trend(self) -> Trend:
        return trend(self.conversion.difference, self.conversion.p_value)


def period_tests(before: FunnelResult, after: FunnelResult) -> PeriodTests:
    rates = [(RowCounts(before.total).settled, RowCounts(after.total).settled), *_step_rates(before, after)]
    found = [difference(*pair) for pair in rates]
    corrected = benjamini_hochberg([one.p_value for one in found])
    tested = (Tested(*pair, one, p) for pair, one, p in zip(rates, found, corrected, strict=True))
    return PeriodTests(next(tested), tuple(tested))


def settled_reached(result: FunnelResult) -> tuple[int, ...]:
    return RowCounts(result.total).settled_reached(result.definition)


def _step_rates(before: FunnelResult, after: FunnelResult) -> list[tuple[Rate, Rate]]:
    """Per way from milestone to milestone, its rate in both periods."""
    return [
        (Rate.of_counts(old[1], old[0]), Rate.of_counts(new[1], new[0]))
        for old, new in zip(pairwise(settled_reached(before)), pairwise(settled_reached(after)), strict=True)
    ]
