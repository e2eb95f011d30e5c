"""Why sessions did not arrive, as far as events and failed tasks tell; ranked by how many they concern.

Each incomplete session has one reason of the first three kinds: it is blocked behind a failed task, or left
and nothing happened in it afterwards, or left and did something else. Beside them stand segments that lose
more at a stage than all others do, beyond chance.
"""

from collections.abc import Iterator, Sequence

from analytics.kernel.arrays import BLOCKED
from analytics.queries import FunnelResult
from analytics.rates import Rate
from analytics.sessions import GONE, Selection
from analytics.statistics.comparison import SIGNIFICANCE, difference
from analytics.statistics.correction import benjamini_hochberg
from analytics.views.drop_off_hours import Ints
from analytics.views.heatmap_records import DropOff, Reason, Slice

MOST_REASONS = 12


def common_reasons(
    stages: Sequence[str],
    left: Ints,
    silent: Ints,
    by_pattern: FunnelResult,
    segments: Sequence[Slice],
    incomplete: int,
) -> tuple[Reason, ...]:
    """`left` and `silent` are by stage. Segments count with what they lose beyond the others' rate."""
    found = [
        *_blocked(by_pattern, incomplete),
        *_left(stages, left, silent, incomplete),
        *_segments(stages, segments, incomplete),
    ]
    found.sort(key=lambda one: (-(one.share.count if one.excess is None else one.excess), one.text))
    return tuple(found[:MOST_REASONS])


def _blocked(by_pattern: FunnelResult, incomplete: int) -> Iterator[Reason]:
    if by_pattern.rows is None or by_pattern.grouped is None:
        return
    for row, pattern in enumerate(by_pattern.rows.labels):
        count = int(by_pattern.grouped.outcomes[row, :, BLOCKED].sum())
        if count:
            selection = Selection(outcome="blocked", pattern=pattern)
            text = f"Blocked behind {pattern or 'a failed task'}"
            yield Reason("blocked", text, Rate.of_counts(count, incomplete), None, selection)


def _left(stages: Sequence[str], left: Ints, silent: Ints, incomplete: int) -> Iterator[Reason]:
    for stage, label in enumerate(stages):
        quiet = int(silent[stage])
        for kind, count, rest in (
            ("silent", quiet, "without a further event"),
            ("elsewhere", int(left[stage]) - quiet, "but did something else afterwards"),
        ):
            if count:
                selection = Selection(stopped=stage, outcome="left", silent=kind == "silent")
                share = Rate.of_counts(count, incomplete)
                yield Reason(kind, f"Left after {label} {rest}", share, None, selection)


def _segments(stages: Sequence[str], segments: Sequence[Slice], incomplete: int) -> Iterator[Reason]:
    pairs = [
        (one, stage, rest)
        for one in segments
        for stage in range(len(stages))
        if (rest := _others(segments, one, stage)).of and not one.cells[stage].is_few
    ]
    tested = [difference(rest, one.cells[stage].rate) for one, stage, rest in pairs]
    corrected = benjamini_hochberg([found.p_value for found in tested])
    for (one, stage, rest), found, p_value in zip(pairs, tested, corrected, strict=True):
        if p_value is None or p_value >= SIGNIFICANCE or (found.difference or 0) <= 0:
            continue
        here = one.cells[stage].rate
        yield Reason(
            kind="segment",
            text=f"{one.label} stops after {stages[stage]} more than others: {_percent(here)} against "
            f"{_percent(rest)}",
            share=Rate.of_counts(here.count, incomplete),
            excess=round(here.of * (found.difference or 0)),
            sessions=Selection(stopped=stage, outcome=GONE, value=one.value),
        )


def _others(segments: Sequence[Slice], one: Slice, stage: int) -> Rate:
    cells: list[DropOff] = [other.cells[stage] for other in segments if other is not one]
    return Rate.of_counts(sum(cell.rate.count for cell in cells), sum(cell.rate.of for cell in cells))


def _percent(rate: Rate) -> str:
    return f"{(rate.share or 0) * 100:.1f}%"
