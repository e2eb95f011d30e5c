"""Steps that take some sessions long, who then convert less often."""

from collections.abc import Iterator

import numpy as np

from analytics.advice.candidates import Candidate, Side, from_to
from analytics.advice.cohort import Cohort
from analytics.counting import Chains
from analytics.durations import shown
from analytics.kernel.arrays import BLOCKED, NEVER
from analytics.queries import Reader
from analytics.rates import Rate
from analytics.sketch import LARGEST_MS
from analytics.tally import Ints, Tally

#: The slowest quarter of those who took the step is slow; chosen by the times alone, not by what came after.
SLOW_FROM = 0.75


def slow_steps(reader: Reader, cohort: Cohort) -> Iterator[Candidate]:
    """The slowest quarter at each step but the last against the others.

    A session that took long has less of its follow-up left, which alone would make it convert less. So a
    step counts when it was taken in the first half of the follow-up, and converting in as much time after it.
    """
    if cohort.definition.has_optional_steps:
        return
    slow_ms = _slow_ms(reader.ask(cohort.asked).total)
    half_ms = cohort.definition.window_seconds * 500
    counts = np.zeros((len(slow_ms), 2, 2), np.int64)
    for part in reader.chains(cohort.asked):
        _count(part.chains, slow_ms, half_ms, counts)
    for step, by_pace in enumerate(counts.tolist(), start=1):
        if slow_ms[step - 1]:
            yield _candidate(cohort, step, int(slow_ms[step - 1]), half_ms, *by_pace)


def _slow_ms(tally: Tally) -> Ints:
    """By step from the second to the last but one; 0 where nobody took any time."""
    reached = np.cumsum(tally.gap_histogram[0, 1:-1], axis=1)
    buckets = [np.searchsorted(by_time, SLOW_FROM * by_time[-1]) if by_time[-1] else 0 for by_time in reached]
    longest: Ints = LARGEST_MS[buckets]
    return np.where(reached[:, -1] > 0, longest, 0)


def _count(chains: Chains, slow_ms: Ints, half_ms: int, counts: Ints) -> None:
    """Add to counts[step, slow, converted] who took the step in the first half and is not blocked."""
    times = chains.times_ms[chains.outcome != BLOCKED]
    for at, threshold in enumerate(slow_ms):
        step = at + 1
        early = (times[:, step] != NEVER) & (times[:, step] - times[:, 0] <= half_ms)
        taken, ended = times[early, step], times[early, -1]
        slow = taken - times[early, at] > threshold
        converted = (ended != NEVER) & (ended - taken <= half_ms)
        counts[at] += np.bincount(slow * 2 + converted, minlength=4).reshape(2, 2)


def _candidate(
    cohort: Cohort, step: int, slow_ms: int, half_ms: int, fast: list[int], slow: list[int]
) -> Candidate:
    before, after = from_to(cohort.definition, step - 1)
    longer, within = shown(slow_ms / 1000), shown(half_ms / 1000)
    return Candidate(
        type="slow_step",
        title=f"Those who take more than {longer} from {before} to {after} convert less often",
        what=f"converted within {within} of {after}",
        current=Side(
            f"Took more than {longer} to {after}", Rate.of_counts(slow[1], sum(slow)), cohort.question
        ),
        reference=Side("Took less", Rate.of_counts(fast[1], sum(fast)), cohort.question),
        onward=None,
        counterfactual=(
            f"Those who take more than {longer} from {before} to {after} convert as often as those who take "
            "less. Some may be slow because they are less decided, which a faster step does not change."
        ),
        actions=(
            f"See where the time from {before} to {after} goes: our tasks, other systems, or the person.",
            f"Where it is ours, bring it under {longer}; where it is the person, remind them before that.",
            f"Follow the median time to {after} on the Funnel page.",
        ),
        page="funnel",
        lost=None,
    )
