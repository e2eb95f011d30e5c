"""The fence: work under one task id is committed once, however often its message is delivered.

    with engine.begin() as connection:
        fence.enter(connection, self.request.id)
        ...

The row stands or falls with the work beside it. A second run waits for the first one's transaction: after a
commit it gets AlreadyDone, after a rollback it goes on. Work in another database needs the table there: see
`create`.
"""

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateSchema

from dlq.errors import AlreadyDone
from dlq.tables import dead_letter_fence
from dlq.times import Clock, to_ms, utc_now


def enter(connection: Connection, task_id: str, *, clock: Clock = utc_now) -> None:
    """Raise AlreadyDone when work under `task_id` is committed; else note that this transaction does it."""
    noted = insert(dead_letter_fence).values(task_id=task_id, at_ms=to_ms(clock())).on_conflict_do_nothing()
    if connection.execute(noted.returning(dead_letter_fence.c.task_id)).first() is None:
        raise AlreadyDone(task_id)


def create(connection: Connection) -> None:
    """Make the table of the fence, and its schema, where they are not there yet."""
    connection.execute(CreateSchema(str(dead_letter_fence.schema), if_not_exists=True))
    dead_letter_fence.create(connection, checkfirst=True)
