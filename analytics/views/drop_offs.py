"""Where a funnel loses most: its steps ranked by the sessions that stopped there, and how bad that is.

How bad: by the share of all who entered that is lost there, and by how much better the best segment with
enough sessions does at the same step. A loss that some segment avoids can be avoided; one that all share
may be the nature of the step.
"""

from collections.abc import Sequence

from analytics.rates import FEWEST_ENTRIES, share
from analytics.views.records import DropOffPoint, GroupView, StepView

MOST_POINTS = 5
#: The least share of all entries, lost at a step, that makes it this severe; half of it does where the best
#: segment loses AVOIDABLE less.
SEVERITIES = {"critical": 0.25, "high": 0.10, "medium": 0.03, "low": 0.0}
AVOIDABLE = 0.10


def top_drop_off_points(
    steps: Sequence[StepView], groups: Sequence[GroupView], entered: int
) -> tuple[DropOffPoint, ...]:
    """The steps where most sessions stopped, at most MOST_POINTS, those with the most first."""
    points = [
        _point(at, steps, groups, entered)
        for at, step in enumerate(steps[:-1])
        if step.gone_here and step.loss
    ]
    points.sort(key=lambda point: (-point.sessions_lost, point.step))
    return tuple(points[:MOST_POINTS])


def _point(at: int, steps: Sequence[StepView], groups: Sequence[GroupView], entered: int) -> DropOffPoint:
    step = steps[at]
    loss, lost = step.loss or 0.0, share(step.gone_here, entered) or 0.0
    best = min(_sure_losses(at, groups), default=None)
    return DropOffPoint(
        step=at,
        label=step.label,
        before=steps[at + 1].label,
        sessions_lost=step.gone_here,
        loss=loss,
        share_of_entered=lost,
        blocked=step.stopped.blocked,
        best_segment=best[1] if best else None,
        best_segment_loss=best[0] if best else None,
        severity=severity(lost, loss - best[0] if best else 0.0),
    )


def _sure_losses(at: int, groups: Sequence[GroupView]) -> list[tuple[float, str]]:
    return [
        (loss, group.label)
        for group in groups
        if (loss := group.steps[at].loss) is not None
        and group.steps[at].reached - group.steps[at].stopped.open >= FEWEST_ENTRIES
    ]


def severity(share_of_entered: float, avoidable: float) -> str:
    """`avoidable` is the loss less that of the best segment."""
    weight = 2.0 if avoidable >= AVOIDABLE else 1.0
    return next(name for name, least in SEVERITIES.items() if share_of_entered * weight >= least)
