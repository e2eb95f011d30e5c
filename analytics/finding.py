"""The one sentence beside a chart: where most stop, and what is not known yet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

#: With fewer on a side, a share is too uncertain to be called a finding.
FEWEST_ENTRIES = 30

if TYPE_CHECKING:
    from analytics.views import GroupView, Outcomes, StepView


def finding(steps: Sequence["StepView"], outcomes: "Outcomes") -> str:
    """Names the largest loss, sessions that can still arrive apart, and how much of it is our own doing."""
    entered = steps[0].reached
    if entered == 0:
        return "Nobody entered this funnel in these days."
    worst = max(range(len(steps) - 1), key=lambda at: _lost(steps[at]))
    lost = _lost(steps[worst])
    if lost == 0:
        return _nobody_lost(entered, outcomes)
    here, following = steps[worst], steps[worst + 1]
    share = lost / here.reached
    sentence = f"Most stop between {here.label} and {following.label}: {lost:,} of {here.reached:,}"
    return f"{sentence} ({share * 100:.1f} %){_blocked(here)}{_still_open(outcomes)}."


def breakdown_finding(groups: Sequence["GroupView"]) -> str:
    """Names the value and step with the largest share lost, and the value that does best there."""
    sure = [group for group in groups if group.entered >= FEWEST_ENTRIES]
    losses = [
        (1 - step.share_of_previous, at, group)
        for group in sure
        for at, step in enumerate(group.steps)
        if step.share_of_previous is not None and group.steps[at - 1].reached >= FEWEST_ENTRIES
    ]
    if len(sure) < 2 or not losses:
        return ""
    worst, at, group = max(losses, key=lambda loss: loss[0])
    best, _, other = min((loss for loss in losses if loss[1] == at), key=lambda loss: loss[0])
    where = f"{group.label} loses most before {group.steps[at].label}: {worst * 100:.0f} %"
    return f"{where}, against {best * 100:.0f} % for {other.label}." if other is not group else f"{where}."


def _lost(step: "StepView") -> int:
    return step.lost_here - step.stopped.open


def _nobody_lost(entered: int, outcomes: "Outcomes") -> str:
    if outcomes.open:
        return f"Nobody has stopped yet: {outcomes.open:,} of {entered:,} are still inside their window."
    return f"Nobody stops: all {entered:,} arrived." if entered > 1 else "Nobody stops: the one arrived."


def _blocked(step: "StepView") -> str:
    waiting = step.stopped.blocked
    return f", {waiting:,} of them behind a task of ours that died" if waiting else ""


def _still_open(outcomes: "Outcomes") -> str:
    if not outcomes.open:
        return ""
    return f"; {outcomes.open:,} {'is' if outcomes.open == 1 else 'are'} still open and may yet arrive"
