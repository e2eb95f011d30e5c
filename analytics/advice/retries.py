"""Sessions that stand still behind a task of ours that died, by what went wrong: no test, but a count.

They are of the whole range and the whole window: each of them waits now. What a retry is worth rests on the
sessions that got beyond the same step, of which there must be enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from analytics.advice.candidates import Lost, from_to
from analytics.advice.cohort import Cohort, passages, weeks_of
from analytics.advice.records import (
    EstimatedImpact,
    Evidence,
    Recommendation,
    Sessions,
    period_of,
    priority,
    share_in_words,
)
from analytics.grouping import OTHER
from analytics.kernel.arrays import BLOCKED
from analytics.queries import Asked, Reader
from analytics.rates import FEWEST_ENTRIES, Rate

MOST_PATTERNS = 20
#: What is known of these is that they wait, not behind what.
UNNAMED = "further failed tasks"


@dataclass(frozen=True, slots=True)
class _Waiting:
    pattern: str
    step: int  #: they got exactly this far
    sessions: int
    per_week: float
    onward: Rate  #: of those who got beyond the step, who converted

    @property
    def worth(self) -> tuple[float, float, float]:
        """The share that would convert, and its interval."""
        return self.onward.share or 0.0, self.onward.low or 0.0, self.onward.high or 0.0


def retries(reader: Reader, asked: Asked, cohort: Cohort) -> Iterator[Recommendation]:
    """One for each pattern and step; `asked` is about everybody."""
    for group in _waiting(reader, asked, cohort) if asked.patterns else ():
        if group.onward.of >= FEWEST_ENTRIES and group.onward.count:
            yield _recommendation(asked, cohort, group)


def _waiting(reader: Reader, asked: Asked, cohort: Cohort) -> Iterator[_Waiting]:
    question = replace(asked.question, most_groups=MOST_PATTERNS)
    result = reader.ask(replace(asked, question=question, labels=asked.patterns))
    if result.rows is None or result.grouped is None:
        return
    weeks, onward = weeks_of(result), [passage.onward for passage in passages(cohort.outcomes)]
    for row, label in enumerate(result.rows.labels):
        pattern = UNNAMED if label in {"", OTHER} else label
        for step, sessions in enumerate(result.grouped.outcomes[row, :-1, BLOCKED].tolist()):
            if sessions:
                yield _Waiting(pattern, step, sessions, sessions / weeks, onward[step])


def _recommendation(asked: Asked, cohort: Cohort, group: _Waiting) -> Recommendation:
    before, after = from_to(asked.definition, group.step)
    share, low, high = group.worth
    waits = f"{group.sessions:,} {'session waits' if group.sessions == 1 else 'sessions wait'}"
    return Recommendation(
        type="retry_failed_tasks",
        priority=priority(group.per_week * share, cohort.entered_per_week),
        title=f"Retry {group.pattern}: {waits} at {before}",
        evidence=_evidence(asked, cohort, group, f"{waits} at {before} behind {group.pattern}.", before),
        suggested_actions=(
            f"Open the dead letters of {group.pattern} and see whether the cause is gone.",
            f"Retry one of them, then the rest: their sessions go on from {before} to {after}.",
            f"Watch here how many of the {group.sessions:,} still wait at {before}.",
        ),
        estimated_impact=EstimatedImpact(
            group.per_week * share,
            group.per_week * low,
            group.per_week * high,
            f"Every retry succeeds, and those who wait convert as often as those who got beyond {before}.",
        ),
    )


def _evidence(asked: Asked, cohort: Cohort, group: _Waiting, waits: str, before: str) -> tuple[Evidence, ...]:
    here, blocked = period_of(asked.question), Lost(group.step, "blocked", pattern=group.pattern)
    listed = None if group.pattern == UNNAMED else Sessions.of(asked, blocked)
    onward = f"Of those who got beyond {before}, {share_in_words(group.onward)} converted."
    share, low, high = group.worth
    of_all = (
        f"To retry all of them now is worth about {group.sessions * share:,.0f} conversions "
        f"(95% interval {group.sessions * low:,.0f} to {group.sessions * high:,.0f})."
    )
    return (
        Evidence(waits, None, here, "dead_letters", listed),
        Evidence(onward, group.onward, period_of(cohort.question), "funnel", None),
        Evidence(of_all, None, here, "dead_letters", None),
    )
