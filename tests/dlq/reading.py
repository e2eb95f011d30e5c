"""What a worker has written, as its tests wait for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, or_, select

from dlq.tables import dead_letter
from tests.dlq.worker import ForeignWorker, eventually


def letters_of(engine: Engine, task_id: str) -> Sequence[Mapping[str, Any]]:
    """Letters whose failed run or latest retry has this task id."""
    ours = or_(dead_letter.c.task_id == task_id, dead_letter.c.retry_task_id == task_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(dead_letter).where(ours)).mappings()]


def all_letters(engine: Engine) -> Sequence[Mapping[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(dead_letter)).mappings()]


def the_letter_of(engine: Engine, worker: ForeignWorker, task_id: str) -> Mapping[str, Any]:
    """The one letter of a task, waited for; says what the worker logged when none comes."""
    try:
        [letter] = eventually(lambda: letters_of(engine, task_id))
    except AssertionError as error:
        raise AssertionError(f"{error}\n{worker.log.read_text()[-4000:]}") from error
    return letter
