"""What goes with converting, and what with leaving: values of properties, or events on the way.

That two things go together does not make one the cause of the other. Sessions that are open or blocked are on
neither side: what becomes of them is not known.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from analytics import choices
from analytics.choices import DimensionChoice
from analytics.errors import InvalidQuery, listed, nearest
from analytics.events_between import Sides, sessions_with_event
from analytics.grouping import OTHER
from analytics.kernel.arrays import CONVERTED, LEFT
from analytics.queries import Asked, FunnelResult, Reader
from analytics.rates import Rate
from analytics.statistics.association import Association, association
from analytics.statistics.comparison import verdict
from analytics.statistics.correction import benjamini_hochberg
from analytics.views.funnel import view_of
from analytics.views.kinds import Cell, ViewKind
from analytics.views.records import Outcomes, Period

KINDS = ("properties", "events")
MOST_PROPERTIES = 30
MOST_VALUES = 20
MOST_EVENTS = 100

GoesWith = Literal["converting", "leaving", "neither", "too few to tell"]
_ORDER: dict[GoesWith, int] = {"converting": 0, "leaving": 0, "neither": 1, "too few to tell": 2}
ASSOCIATION = (
    "These go together with converting or leaving; that does not make them the cause. Compared are those who "
    "converted and those who left: open and blocked sessions are on neither side."
)
_EVENTS = (
    " An event counts when it happened after the entry and before the last step, or before the end of the "
    "window of those who left, who thereby had more time for it."
)


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that a session has or has not. The rates are the shares of converted in each half."""

    name: str  #: the property, or the event
    value: str | None  #: of the property, "" is missing; None for an event
    label: str
    with_it: Rate
    without: Rate
    odds_ratio: float | None  #: above 1: those with it convert more; None when a side is empty
    low: float | None  #: 95 %
    high: float | None
    p_value: float | None  #: corrected over all factors shown; None when too few to tell
    goes_with: GoesWith


@dataclass(frozen=True, slots=True)
class CorrelationView:
    title: str
    kind: str
    period: Period
    outcomes: Outcomes  #: of all; converted and left are compared
    factors: tuple[Factor, ...]  #: those that differ by more than chance first, then by strength
    left_out: int  #: properties or events beyond the limit
    values_left_out: int
    meaning: str
    finding: str  #: one plain sentence

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row for each factor."""
        rows: list[list[Cell]] = [[
            "factor", "with_it", "converted_with_it", "rate_with_it", "without", "converted_without",
            "rate_without", "odds_ratio", "low", "high", "corrected_p_value", "goes_with",
        ]]  # fmt: skip
        rows += [
            [
                one.label, one.with_it.of, one.with_it.count, one.with_it.share, one.without.of,
                one.without.count, one.without.share, one.odds_ratio, one.low, one.high, one.p_value,
                one.goes_with,
            ]
            for one in self.factors
        ]  # fmt: skip
        return rows


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    value: str | None
    label: str
    sides: Sides  #: converted and left of those with it


def correlation_view(reader: Reader, asked: Asked, *, kind: str = "properties") -> CorrelationView:
    """Of one of KINDS. Raises InvalidQuery for another, and as Reader.ask."""
    if kind not in KINDS:
        raise InvalidQuery("kind", f"{kind!r} is not known{nearest(kind, KINDS)}; {listed('allowed', KINDS)}")
    question = replace(asked.question, breakdown=(), attribution="session")
    everybody = replace(asked, question=question, labels=None)
    result = reader.ask(everybody)
    view = view_of(result)
    asked = replace(everybody, question=result.question)
    found, left_out, values_left_out = (_events if kind == "events" else _properties)(reader, asked)
    factors = _factors(found, (view.outcomes.converted, view.outcomes.left))
    return CorrelationView(
        title=view.title,
        kind=kind,
        period=view.period,
        outcomes=view.outcomes,
        factors=factors,
        left_out=left_out,
        values_left_out=values_left_out,
        meaning=ASSOCIATION + (_EVENTS if kind == "events" else ""),
        finding=_finding(factors),
    )


def _properties(reader: Reader, asked: Asked) -> tuple[list[_Found], int, int]:
    offered = choices.dimensions(reader, asked.definition)
    found: list[_Found] = []
    folded = 0
    for choice in offered[:MOST_PROPERTIES]:
        question = replace(asked.question, breakdown=(choice.property,), most_groups=MOST_VALUES)
        result = reader.ask(replace(asked, question=question))
        values = _values(result, choice)
        # A value that everybody has is of another flow's property, or tells nobody apart.
        if len(values) + bool(result.rows and result.rows.folded) > 1:
            found += values
            folded += result.rows.folded if result.rows else 0
    return found, max(0, len(offered) - MOST_PROPERTIES), folded


def _values(result: FunnelResult, choice: DimensionChoice) -> list[_Found]:
    """Those of somebody who converted or left; what is folded is no value."""
    if result.rows is None or result.grouped is None:
        return []
    by_value = zip(result.rows.labels, result.grouped.outcomes.sum(axis=1).tolist(), strict=True)
    return [
        _Found(choice.property, value, f"{choice.label}: {value or '(missing)'}", sides)
        for value, outcomes in by_value
        if (value != OTHER or not result.rows.folded) and any(sides := (outcomes[CONVERTED], outcomes[LEFT]))
    ]


def _events(reader: Reader, asked: Asked) -> tuple[list[_Found], int, int]:
    happened = sessions_with_event(reader, asked)
    # The most frequent, whatever became of them: to choose by strength would make chance look like a finding.
    ranked = sorted(happened, key=lambda name: (-sum(happened[name]), name))
    found = [_Found(name, None, name, happened[name]) for name in ranked[:MOST_EVENTS]]
    return found, max(0, len(ranked) - MOST_EVENTS), 0


def _factors(found: list[_Found], everybody: Sides) -> tuple[Factor, ...]:
    halves = [_halves(one.sides, everybody) for one in found]
    measured = [association(*half) for half in halves]
    corrected = benjamini_hochberg([one.p_value for one in measured])
    factors = [
        Factor(
            one.name, one.value, one.label, *half, strength.odds_ratio, strength.low, strength.high,
            p_value, _goes_with(strength, p_value),
        )
        for one, half, strength, p_value in zip(found, halves, measured, corrected, strict=True)
    ]  # fmt: skip
    return tuple(sorted(factors, key=lambda one: (_ORDER[one.goes_with], -_strength(one), one.label)))


def _halves(with_it: Sides, everybody: Sides) -> tuple[Rate, Rate]:
    rest = everybody[0] - with_it[0], everybody[1] - with_it[1]
    return Rate.of_counts(with_it[0], sum(with_it)), Rate.of_counts(rest[0], sum(rest))


def _goes_with(strength: Association, p_value: float | None) -> GoesWith:
    said = verdict(p_value)
    if said == "too few to tell" or strength.odds_ratio is None:
        return "too few to tell"
    if said == "not different":
        return "neither"
    return "converting" if strength.odds_ratio > 1 else "leaving"


def _strength(one: Factor) -> float:
    # Rounded, so that two values that mirror each other are as strong.
    return round(abs(math.log(one.odds_ratio)), 9) if one.odds_ratio else 0.0


def _finding(factors: tuple[Factor, ...]) -> str:
    first = next(iter(factors), None)
    if first is None:
        return "There is nothing to compare in these days."
    if first.goes_with == "too few to tell":
        return "Too few sessions to tell what goes with converting or leaving."
    if first.goes_with == "neither" or first.odds_ratio is None:
        return "Nothing here goes with converting or leaving by more than chance would make it."
    with_it, without = (
        f"{(rate.share or 0.0) * 100:.1f}% of {rate.of:,}" for rate in (first.with_it, first.without)
    )
    return (
        f"Goes most with {first.goes_with}: {first.label}; {with_it} sessions with it converted, "
        f"against {without} without."
    )


CORRELATION = ViewKind("correlation", CorrelationView, correlation_view)
