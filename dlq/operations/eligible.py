"""Which letters an operation may change: its selection, in a state that allows the change, not since changed.

Preview, start and every batch ask with the same conditions, so what was counted is what is changed.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, or_

from dlq.access import Actor
from dlq.letters import Status
from dlq.operations.records import Action, Options, Selection
from dlq.queries import conditions
from dlq.restriction import visible
from dlq.tables import dead_letter
from dlq.times import to_ms

_c = dead_letter.c


def visible_to(by: Actor, selection: Selection) -> Selection:
    """Only what the person may see. An operation keeps it, so it stays so narrow in every batch."""
    return replace(selection, narrowed=visible(by, selection.narrowed))


def expected_states(action: Action, options: Options) -> tuple[Status, ...]:
    """The states in which a letter is changed."""
    if action is Action.RESTORE:
        return (Status.DISCARDED,)
    if action is Action.RETRY and not options.even_poisoned:
        return (Status.DEAD,)
    return (Status.DEAD, Status.POISONED)


def selected(selection: Selection, states: tuple[Status, ...], failed_until: datetime) -> ColumnElement[bool]:
    """The letters of the selection in one of `states` whose latest failure was not after `failed_until`."""
    narrowed = conditions(selection.narrowed)
    if selection.letter_ids:
        narrowed.append(_c.id.in_(selection.letter_ids))
    in_state: ColumnElement[bool] = _c.status.in_(states)
    for condition in narrowed:
        in_state &= condition
    return in_state & (_c.last_failed_at_ms <= to_ms(failed_until))


def untouched(operation_id: int, through_id: int, position: int = 0) -> ColumnElement[bool]:
    """Letters up to `through_id` and after `position` that this operation has not changed before."""
    not_ours = or_(_c.operation_id.is_(None), _c.operation_id != operation_id)
    return (_c.id > position) & (_c.id <= through_id) & not_ours
