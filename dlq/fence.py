"""The fence: the work of a task is committed once, however often it is delivered or retried.

    with engine.begin() as connection:
        self.once(connection)  # of DeadLetterTask; names the work by the task id of its first run
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


def enter(connection: Connection, work: str, *, clock: Clock = utc_now) -> None:
    """Raise AlreadyDone when this work is committed; else note that this transaction does it."""
    noted = insert(dead_letter_fence).values(work=work, at_ms=to_ms(clock())).on_conflict_do_nothing()
    if connection.execute(noted.returning(dead_letter_fence.c.work)).first() is None:
        raise AlreadyDone(work)


def create(connection: Connection) -> None:
    """Make the table of the fence, and its schema, where they are not there yet."""
    connection.execute(CreateSchema(str(dead_letter_fence.schema), if_not_exists=True))
    dead_letter_fence.create(connection, checkfirst=True)
