"""The life of a letter, latest first: every failure, retry and decision, with who and why."""

from collections.abc import Mapping

from dlq.letters import Status
from dlq.views import Change
from pages import _charts
from pages._words import clock_time

_SAID: Mapping[Status, str] = {
    Status.DEAD: "Failed",
    Status.POISONED: "Failed once too often, and set aside",
    Status.RETRYING: "Retry sent",
    Status.RESOLVED: "Resolved: the retry succeeded",
    Status.DISCARDED: "Discarded",
}


def show(history: tuple[Change, ...]) -> None:
    _charts.timeline([(_what(change), _when(change)) for change in reversed(history)])


def _what(change: Change) -> str:
    if change.from_status is Status.DISCARDED:
        said = "Restored"
    elif (change.from_status, change.to_status) == (None, Status.DEAD):
        said = "Failed for the first time"
    else:
        said = _SAID[change.to_status]
    detail = change.detail
    parts = [
        str(detail.get("exception_type") or detail.get("kind") or ""),
        f"to queue {detail['queue']}" if detail.get("queue") else "",
        f"with version {detail['version']} of the arguments" if detail.get("version") else "",
        f"by operation {detail['operation']}" if detail.get("operation") else "",
    ]
    return ", ".join([said, *(part for part in parts if part)])


def _when(change: Change) -> str:
    reason = str(change.detail.get("reason") or "")
    return " · ".join(part for part in (clock_time(change.at), change.actor, reason) if part)
