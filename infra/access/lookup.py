"""The guard's way to ask who a request comes from: one connection in the event loop, one statement.

A change of thread, a pool and a ping cost several times what the answer does. Requests that arrive together
take turns; a connection that broke since the last one is replaced once, silently.
"""

import asyncio
import weakref
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from sqlalchemy import Engine, Select, Update

from infra.access import live
from infra.access.roles import Person
from infra.database import first_line, where
from infra.errors import DatabaseUnavailable

#: A request waits this long for PostgreSQL, other requests before it included.
ANSWER_SECONDS = 3
_Connection = psycopg.AsyncConnection[DictRow]


class Lookup:
    def __init__(self, engine: Engine) -> None:
        self._where = where(engine)
        self._arguments = engine.dialect.create_connect_args(engine.url)[1]
        self._session = _Question(engine, live.SESSION, live.SEEN_SESSION, live.person_of_session)
        self._token = _Question(engine, live.TOKEN, live.SEEN_TOKEN, live.person_of_token)
        self._turn = asyncio.Lock()
        self._kept: list[_Connection] = []  # at most one
        weakref.finalize(self, _finish, self._kept)

    async def of_session(self, digest: bytes, *, now: datetime) -> Person | None:
        """The person of the live session whose token has this digest. Raises DatabaseUnavailable."""
        return await self._answer(self._session, digest, now)

    async def of_token(self, digest: bytes, *, now: datetime) -> Person | None:
        """The person that the live token with this digest stands for. Raises DatabaseUnavailable."""
        return await self._answer(self._token, digest, now)

    async def _answer(self, question: "_Question", digest: bytes, now: datetime) -> Person | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._turn:
                return await self._asked(question, digest, now)
        except TimeoutError:
            raise DatabaseUnavailable(self._where, f"no answer in {ANSWER_SECONDS} s") from None
        except psycopg.Error as error:
            raise DatabaseUnavailable(self._where, first_line(error)) from error

    async def _asked(self, question: "_Question", digest: bytes, now: datetime) -> Person | None:
        if self._kept:
            with suppress(psycopg.OperationalError):
                return await self._asked_on(self._kept.pop(), question, digest, now)
        return await self._asked_on(await self._connected(), question, digest, now)

    async def _asked_on(
        self, connection: _Connection, question: "_Question", digest: bytes, now: datetime
    ) -> Person | None:
        try:
            person = await question.ask(connection, digest, now)
        except BaseException:
            await connection.close()  # an answer may still be on its way
            raise
        self._kept.append(connection)
        return person

    async def _connected(self) -> _Connection:
        return await psycopg.AsyncConnection[DictRow].connect(
            **self._arguments, autocommit=True, row_factory=dict_row, application_name="onward guard"
        )


class _Question:
    """Statements of live.py as the driver takes them, and what to make of the row."""

    def __init__(
        self,
        engine: Engine,
        row: Select[Any],
        seen: tuple[Update, ...],
        person_of: Callable[[live.Row], Person],
    ) -> None:
        self._row = str(row.compile(engine))
        self._seen = [str(statement.compile(engine)) for statement in seen]
        self._person_of = person_of

    async def ask(self, connection: _Connection, digest: bytes, now: datetime) -> Person | None:
        cursor = await connection.execute(self._row, {"digest": digest, "now": now})
        row = await cursor.fetchone()
        if row is None:
            return None
        if live.is_due(row, now):
            for statement in self._seen:
                await connection.execute(statement, {"digest": digest, "account": row["account"], "now": now})
        return self._person_of(row)


def _finish(kept: list[_Connection]) -> None:
    for connection in kept:
        connection.pgconn.finish()
