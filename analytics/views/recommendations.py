"""What to do next: computed from the counts, sorted by what it would bring, nothing that they do not support.

All comparisons of all kinds are corrected together (Benjamini-Hochberg), so where nothing is wrong, something
is recommended once in twenty times at most. Several recommendations may be about the same sessions: their
impacts do not add up.
"""

from dataclasses import dataclass, replace

from analytics import durations
from analytics.advice.cohort import Cohort, cohort
from analytics.advice.hours import bad_hours
from analytics.advice.records import PRIORITIES, Recommendation, period_of
from analytics.advice.regression import regressed_steps
from analytics.advice.retries import retries
from analytics.advice.segments import weak_segments
from analytics.advice.slowness import slow_steps
from analytics.advice.support import supported
from analytics.errors import InvalidQuery, listed, nearest
from analytics.kernel.arrays import BLOCKED
from analytics.queries import Asked, Reader
from analytics.rates import FEWEST_ENTRIES
from analytics.views.kinds import Cell, ViewKind
from analytics.views.records import Period

MOST_RECOMMENDATIONS = 20
_TESTED = (weak_segments, regressed_steps, bad_hours, slow_steps)


@dataclass(frozen=True, slots=True)
class RecommendationsView:
    name: str
    title: str
    period: Period
    entered: int
    blocked: int  #: of these, those who wait behind a task of ours
    follow_up_seconds: int | None  #: each session was watched so long; None where nobody's has ended
    compared: int  #: comparisons with enough sessions on both sides
    recommendations: tuple[Recommendation, ...]
    left_out: int  #: supported too, but beyond the limit or of another priority
    summary: str  #: what they rest on, or why there is none

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row for each recommendation."""
        header: list[Cell] = [
            "type", "priority", "title", "sessions_per_week", "low", "high", "counterfactual",
        ]  # fmt: skip
        return [header, *map(_row, self.recommendations)]


def recommendations_view(
    reader: Reader, asked: Asked, *, priority: str | None = None, most: int = MOST_RECOMMENDATIONS
) -> RecommendationsView:
    """Of one priority or of all. Raises InvalidQuery for an unknown priority, and as Reader.ask."""
    if priority is not None and priority not in PRIORITIES:
        raise InvalidQuery(
            "priority",
            f"{priority!r} is not known{nearest(priority, PRIORITIES)}; {listed('allowed', PRIORITIES)}",
        )
    everybody = replace(asked.question, breakdown=(), attribution="session")
    seen = reader.ask(replace(asked, question=everybody, labels=None))
    closed = cohort(reader, seen, replace(asked, question=seen.question, labels=None))
    found, compared = _found(reader, replace(asked, question=seen.question), closed)
    kept = [one for one in found if priority in {None, one.priority}][:most]
    entered = int(seen.total.reached[0, 0])
    return RecommendationsView(
        name=asked.definition.name,
        title=asked.definition.title or asked.definition.name,
        period=period_of(seen.question),
        entered=entered,
        blocked=int(seen.total.outcomes[0, :, BLOCKED].sum()),
        follow_up_seconds=closed.definition.window_seconds if closed else None,
        compared=compared,
        recommendations=tuple(kept),
        left_out=len(found) - len(kept),
        summary=_summary(closed, entered, compared, len(found)),
    )


def _found(reader: Reader, asked: Asked, closed: Cohort | None) -> tuple[list[Recommendation], int]:
    """By estimated impact; and the number of comparisons behind them."""
    if closed is None:
        return [], 0
    tested = supported(closed, [one for kind in _TESTED for one in kind(reader, closed)])
    found = [*retries(reader, asked, closed), *tested.recommendations]
    found.sort(key=lambda one: (-one.estimated_impact.sessions_per_week, one.title))
    return found, tested.compared


def _summary(closed: Cohort | None, entered: int, compared: int, found: int) -> str:
    if not entered:
        return "Nobody entered this funnel in these days."
    if closed is None:
        return f"It is too early to tell: of {entered:,} sessions, none has been watched long enough yet."
    watched = durations.shown(closed.definition.window_seconds)
    if not compared:
        enough = f"no comparison has {FEWEST_ENTRIES} on both sides that were watched for {watched}"
        return f"Too few sessions to tell: {enough}."
    comparisons = f"{compared:,} {'comparison' if compared == 1 else 'comparisons'}"
    outcome = "" if found else ", none of which differs by more than chance would make it"
    return (
        f"{comparisons} of segments, periods, hours and step times{outcome}; each session was watched for "
        f"{watched} after its entry."
    )


def _row(one: Recommendation) -> list[Cell]:
    impact = one.estimated_impact
    return [
        one.type, one.priority, one.title, impact.sessions_per_week, impact.low, impact.high,
        impact.counterfactual,
    ]  # fmt: skip


RECOMMENDATIONS = ViewKind("recommendations", RecommendationsView, recommendations_view)
