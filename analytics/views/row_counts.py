"""One row of a tally, read as every view reads it: outcomes, rates, times, and what of it is settled."""

from dataclasses import dataclass

from analytics.funnels import FunnelDefinition
from analytics.kernel.arrays import BLOCKED, CONVERTED, LEFT, OPEN, WHOLE
from analytics.rates import Rate
from analytics.sketch import median_ms
from analytics.statistics.survival import Watched
from analytics.tally import Tally
from analytics.views.records import Outcomes


@dataclass(frozen=True, slots=True, eq=False)
class RowCounts:
    tally: Tally
    row: int = 0

    @property
    def outcomes(self) -> Outcomes:
        counts = self.tally.outcomes[self.row].sum(axis=0)
        return Outcomes(
            converted=int(counts[CONVERTED]),
            blocked=int(counts[BLOCKED]),
            open=int(counts[OPEN]),
            left=int(counts[LEFT]),
        )

    @property
    def entered(self) -> int:
        return int(self.tally.outcomes[self.row].sum())

    @property
    def observed(self) -> Rate:
        return Rate.of_counts(self.outcomes.converted, self.entered)

    @property
    def settled(self) -> Rate:
        return Rate.of_counts(self.outcomes.converted, self.entered - self.outcomes.open)

    @property
    def median_seconds(self) -> float | None:
        """From entry to the last step, over those who converted; within 1 %."""
        milliseconds = median_ms(self.tally.gap_histogram[self.row, WHOLE])
        return None if milliseconds is None else milliseconds / 1000

    @property
    def average_seconds(self) -> float | None:
        """Of the same, exact."""
        count = int(self.tally.gap_count[self.row, WHOLE])
        return int(self.tally.gap_sum_ms[self.row, WHOLE]) / count / 1000 if count else None

    def settled_reached(self, definition: FunnelDefinition) -> tuple[int, ...]:
        """Sessions, open ones left out, that got at least as far as each of the `milestones`."""
        stopped = self.tally.outcomes[self.row].sum(axis=1) - self.tally.outcomes[self.row, :, OPEN]
        reached = stopped[::-1].cumsum()[::-1]
        return tuple(int(reached[step]) for step in milestones(definition))

    @property
    def watched(self) -> Watched:
        """The sessions by how long each was watched, for the curve of conversion over time."""
        outcomes, still_open = self.outcomes, self.tally.waiting[self.row]
        return Watched(
            at_once=outcomes.converted - int(self.tally.gap_count[self.row, WHOLE]),
            converted=self.tally.gap_histogram[self.row, WHOLE],
            still_open=still_open,
            left=self.entered - outcomes.converted - int(still_open.sum()),
        )


def milestones(definition: FunnelDefinition) -> tuple[int, ...]:
    """The steps that nobody skips on the way to the last one, which is among them."""
    last = definition.last_step
    return tuple(at for at, step in enumerate(definition.steps) if at == last or not step.optional)
