"""What a comparison of two periods shows, in plain sentences."""

from collections.abc import Iterator, Sequence

from analytics.rates import FEWEST_ENTRIES
from analytics.statistics.mix_and_rate import MixAndRate
from analytics.views.comparison_records import PeriodChanges, PeriodNumbers, StepChange
from analytics.views.sentences import percent, points

#: The steps that changed most are said; the table has all.
MOST_STEPS = 3
_MOVED = {"improving": "rose", "declining": "fell"}


def findings(
    before: PeriodNumbers,
    after: PeriodNumbers,
    changes: PeriodChanges,
    steps: Sequence[StepChange],
    mix: MixAndRate | None,
    by_label: str | None,
) -> tuple[str, ...]:
    """The change first, then the steps that changed by more than chance, who entered, and what is open."""
    said = [_overall(before, after, changes), *_steps(steps)]
    if mix and changes.trend in _MOVED:
        said.append(
            f"Of the {points(mix.change)} points, {points(mix.mix)} come from who entered, by "
            f"{str(by_label).lower()}, and {points(mix.rate)} from how well each kind did."
        )
    return (*said, *_open("first", before), *_open("second", after))


def _overall(before: PeriodNumbers, after: PeriodNumbers, changes: PeriodChanges) -> str:
    old, new, change = before.settled, after.settled, changes.conversion_rate
    if changes.trend == "too few to tell":
        return (
            f"Too few to tell: {old.of:,} settled sessions in the first period and {new.of:,} in the second; "
            f"it takes {FEWEST_ENTRIES} in each."
        )
    how_much = f"{points(change.difference)} points (95%: {points(change.low)} to {points(change.high)})"
    if changes.trend in _MOVED:
        moved = f"Conversion {_MOVED[changes.trend]} from {percent(old.share)} to {percent(new.share)}"
        return f"{moved}: {how_much}, more than chance explains."
    return f"Conversion is stable: {percent(old.share)}, then {percent(new.share)}; {how_much} may be chance."


def _steps(steps: Sequence[StepChange]) -> Iterator[str]:
    changed = [step for step in steps if step.verdict == "different"]
    changed.sort(key=lambda step: -abs(step.contribution or 0.0))
    for step in changed[:MOST_STEPS]:
        yield (
            f"{step.label} makes {points(step.contribution)} points: {percent(step.before.share)} of those "
            f"at the step before got there, then {percent(step.after.share)}."
        )


def _open(which: str, numbers: PeriodNumbers) -> Iterator[str]:
    if numbers.outcomes.open:
        yield (
            f"Not settled yet: {numbers.outcomes.open:,} of {numbers.entered:,} sessions of the {which} "
            "period are still open. Rates are compared without them; as those who convert settle first, this "
            "one may still come down."
        )
