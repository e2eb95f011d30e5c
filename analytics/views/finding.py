"""The one sentence beside a chart: where most stop, and what is not known yet.

Open sessions have not stopped: they are in no loss, and do not count towards having seen enough.
"""

from collections.abc import Sequence

from analytics.rates import FEWEST_ENTRIES
from analytics.views.records import GroupView, Outcomes, StepView


def finding(steps: Sequence[StepView], outcomes: Outcomes) -> str:
    """Names the largest loss, sessions that can still arrive apart, and how much of it is our own doing."""
    entered = steps[0].reached
    if entered == 0:
        return "Nobody entered this funnel in these days."
    worst = max(range(len(steps) - 1), key=lambda at: steps[at].gone_here)
    here, following = steps[worst], steps[worst + 1]
    if not here.gone_here or here.loss is None:
        return _nobody_lost(entered, outcomes)
    sentence = f"Most stop between {here.label} and {following.label}: {here.gone_here:,} of {here.reached:,}"
    return f"{sentence} ({here.loss * 100:.1f}%){_blocked(here)}{_still_open(outcomes)}."


def breakdown_finding(groups: Sequence[GroupView]) -> str:
    """Names the value and step with the largest loss, and the value that does best there; "" without one."""
    sure = [group for group in groups if group.settled.of >= FEWEST_ENTRIES]
    losses = [
        (step.loss_before, at, group)
        for group in sure
        for at, step in enumerate(group.steps)
        if step.loss_before is not None and _settled(group.steps[at - 1]) >= FEWEST_ENTRIES
    ]
    worst, at, group = max(losses, key=lambda loss: loss[0], default=(0.0, 0, None))
    if group is None or worst == 0 or len(sure) < 2:
        return ""
    best, _, other = min((loss for loss in losses if loss[1] == at), key=lambda loss: loss[0])
    where = f"{group.label} loses most before {group.steps[at].label}: {worst * 100:.0f}%"
    return f"{where}, against {best * 100:.0f}% for {other.label}." if other is not group else f"{where}."


def _settled(step: StepView) -> int:
    return step.reached - step.stopped.open


def _nobody_lost(entered: int, outcomes: Outcomes) -> str:
    if outcomes.open:
        return f"Nobody has stopped yet: {outcomes.open:,} of {entered:,} are still inside their window."
    return f"Nobody stops: all {entered:,} arrived." if entered > 1 else "Nobody stops: the one arrived."


def _blocked(step: StepView) -> str:
    waiting = step.stopped.blocked
    return f", {waiting:,} of them behind a task of ours that died" if waiting else ""


def _still_open(outcomes: Outcomes) -> str:
    if not outcomes.open:
        return ""
    return f"; {outcomes.open:,} {'is' if outcomes.open == 1 else 'are'} still open and may yet arrive"
