"""The sessions that advice rests on: all watched equally long, so that being young never looks like leaving.

They are counted within a follow-up in which nearly all who convert have done so, often far shorter than the
window, and only those whose follow-up has ended take part. So nobody is open, and two groups differ by what
they did, not by how long they could.
"""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from analytics.funnels import FunnelDefinition
from analytics.kernel.arrays import BLOCKED, CONVERTED, LEFT, WHOLE
from analytics.queries import Asked, FunnelResult, Reader
from analytics.question import Question, day_start
from analytics.rates import FEWEST_ENTRIES, Rate
from analytics.sketch import value_ms
from analytics.tally import Ints, Tally

#: Seconds; the shortest that covers enough is taken, and never more than the window.
FOLLOW_UPS = (60, 120, 300, 600, 1800, 3600, 6 * 3600, *(days * 86400 for days in (1, 3, 7, 14, 30, 90, 365)))
#: The share of those who converted that the follow-up must cover.
COVERED = 0.99
#: It is believed once somebody has been watched so many times as long: whoever needs longer would be missing
#: from those who converted as long as nobody could have needed longer.
WATCHED = 2
_WEEK = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    asked: Asked  #: the window is the follow-up, and it has closed for all; both ends of the range are set
    outcomes: Ints  #: [furthest step, outcome]
    weeks: float  #: in which they entered; at least one, so that nothing is extrapolated

    @property
    def definition(self) -> FunnelDefinition:
        return self.asked.definition

    @property
    def question(self) -> Question:
        return self.asked.question

    @property
    def entered_per_week(self) -> float:
        return float(self.outcomes.sum()) / self.weeks


@dataclass(frozen=True, slots=True)
class Passage:
    """Those who were at a step and are now beyond it or gone; who is blocked there is neither."""

    passed: Rate
    onward: Rate  #: of those who passed, who converted; all of them at the last step but one

    def onward_or(self, other: "Passage") -> Rate:
        """`onward` where it rests on enough, else that of the other."""
        return self.onward if self.onward.of >= FEWEST_ENTRIES else other.onward


def cohort(reader: Reader, seen: FunnelResult, asked: Asked) -> Cohort | None:
    """Those of `seen`, an answer about everybody, whose follow-up has ended; None while it is too early."""
    question = seen.question
    if question.since is None or question.until is None:
        return None
    follow_up = follow_up_seconds(seen.total, seen.definition)
    until = min(question.until, asked.now - dt.timedelta(seconds=follow_up))
    if until <= question.since or follow_up * WATCHED > watched_seconds(seen.total):
        return None
    closed = replace(
        asked,
        definition=replace(asked.definition, window_seconds=follow_up),
        question=replace(question, until=until, completions="within_window"),
    )
    counted = reader.ask(closed)
    if not counted.total.reached[0, 0]:
        return None
    return Cohort(closed, counted.total.outcomes[0], weeks_of(counted))


def follow_up_seconds(tally: Tally, definition: FunnelDefinition) -> int:
    histogram = tally.gap_histogram[0, WHOLE]
    enough = COVERED * histogram.sum()
    within_ms = value_ms(int(np.searchsorted(np.cumsum(histogram), enough))) if enough else np.inf
    lengths = (length for length in FOLLOW_UPS if length * 1000 >= within_ms)
    return min(next(lengths, definition.window_seconds), definition.window_seconds)


def watched_seconds(tally: Tally) -> float:
    """How long ago, about, the first of those entered who can still convert; infinite when none is left."""
    waiting = np.flatnonzero(tally.waiting[0])
    is_open = tally.outcomes[0, :, LEFT].sum() == 0 and len(waiting) > 0
    return value_ms(int(waiting[-1])) / 1000 if is_open else np.inf


def weeks_of(result: FunnelResult) -> float:
    """From the first day with an entry to the end of the range."""
    entered = np.flatnonzero(result.total.by_bin.sum(axis=(1, 2)))
    if not len(entered) or result.question.until is None:
        return 1.0
    first = day_start(result.timing.labels[entered[0]], result.question.zone)
    return max(1.0, (result.question.until - first) / _WEEK)


def passages(outcomes: Ints) -> list[Passage]:
    """One for each step but the last, of [furthest step, outcome] in which nobody is open."""
    at_least = outcomes.sum(axis=1)[::-1].cumsum()[::-1]
    converted = int(outcomes[:, CONVERTED].sum())
    return [
        Passage(
            passed=Rate.of_counts(int(further), int(further + left)),
            onward=Rate.of_counts(converted, int(further)),
        )
        for further, left in zip(at_least[1:], outcomes[:-1, LEFT], strict=True)
    ]


def conversion(outcomes: Ints) -> Rate:
    """Converted of those who are not blocked."""
    converted = int(outcomes[:, CONVERTED].sum())
    return Rate.of_counts(converted, int(outcomes.sum() - outcomes[:, BLOCKED].sum()))
