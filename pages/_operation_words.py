"""The words for operations: what each action is called, who may do it, and to letters of which state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dlq.filter_address import to_pairs
from dlq.letters import Status
from dlq.operations.records import Action, Operation, OperationStatus, Selection
from infra.access.roles import Permission
from pages._words import count, whole

_WAITING = frozenset({Status.DEAD, Status.POISONED})
Color = Literal["blue", "green", "gray", "orange"]


@dataclass(frozen=True, slots=True)
class ActionWords:
    action: Action
    verb: str
    done: str
    icon: str
    permission: Permission
    of: frozenset[Status]  #: the letters that it can be done to
    shortcut: str


ACTIONS: Mapping[Action, ActionWords] = {
    words.action: words
    for words in (
        ActionWords(
            Action.RETRY,
            "Retry",
            "sent again",
            ":material/replay:",
            Permission.RETRY_LETTERS,
            _WAITING,
            "Shift+Y",
        ),
        ActionWords(
            Action.DISCARD,
            "Discard",
            "discarded",
            ":material/delete:",
            Permission.DELETE_LETTERS,
            _WAITING,
            "Shift+D",
        ),
        ActionWords(
            Action.RESTORE,
            "Restore",
            "restored",
            ":material/restore_from_trash:",
            Permission.DELETE_LETTERS,
            frozenset({Status.DISCARDED}),
            "Shift+U",
        ),
    )
}

STATUSES: Mapping[OperationStatus, tuple[str, Color]] = {
    OperationStatus.WAITING: ("Waiting to start", "gray"),
    OperationStatus.RUNNING: ("Running", "blue"),
    OperationStatus.PAUSED: ("Paused", "orange"),
    OperationStatus.CANCELLED: ("Cancelled", "gray"),
    OperationStatus.FINISHED: ("Finished", "green"),
}


def letters(number: int) -> str:
    return f"{count(number)} {'letter' if number == 1 else 'letters'}"


def title(operation: Operation) -> str:
    return f"{ACTIONS[operation.action].verb} {letters(operation.counted)}"


def progress(operation: Operation) -> str:
    """What has come of it so far: 120 of 412 sent again, 3 skipped, about 4m left."""
    words = ACTIONS[operation.action]
    parts = [f"{count(operation.done)} of {count(operation.counted)} {words.done}"]
    if operation.skipped:
        parts.append(f"{count(operation.skipped)} skipped: they had changed since")
    if operation.failed:
        parts.append(f"{count(operation.failed)} refused")
    if operation.seconds_left is not None and operation.remaining:
        parts.append(f"about {whole(operation.seconds_left)} left")
    return ", ".join(parts)


_NAMES = {"fingerprint": "group", "operation_id": "operation", "task_name": "task"}


def selection(chosen: Selection) -> str:
    """Which letters it took, in words: 3 picked letters, or all of a filter."""
    if chosen.letter_ids:
        return f"{letters(len(chosen.letter_ids))} picked one by one"
    asked: dict[str, list[str]] = {}
    for name, value in to_pairs(chosen.narrowed):
        asked.setdefault(_NAMES.get(name, name.replace("_", " ")), []).append(value)
    parts = [f"{name} {' or '.join(values)}" for name, values in asked.items()]
    return f"all with {', '.join(parts)}" if parts else "all letters"
