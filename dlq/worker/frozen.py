"""Gives up on a PostgreSQL that is connected but answers nothing: frozen, or behind a network gone silent.

Its own statement timeout cannot end such a wait, and the worker takes no messages for as long as it lasts.
"""

import time
from collections.abc import Generator
from typing import Any

import psycopg
from sqlalchemy import Engine, event

#: A little more than the server gives a statement itself.
ANSWER_SECONDS = 3.0


class NoAnswer(psycopg.OperationalError):
    """The connection is closed: what it was asked may still be done."""


class ImpatientConnection(psycopg.Connection[Any]):
    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
        try:
            return super().wait(_in_time(gen), *args, **options)
        except NoAnswer:
            self.close()
            raise


def connect_impatiently(engine: Engine) -> None:
    """Let every connection of `engine` be one that gives up."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, options: Any) -> ImpatientConnection:
        return ImpatientConnection.connect(*args, **options)


def _in_time(gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """`gen`, which yields what it waits for and is sent whether that came, ended when nothing comes."""
    end, ready = time.monotonic() + ANSWER_SECONDS, None
    while True:
        try:
            awaited = gen.send(ready)
        except StopIteration as ended:
            return ended.value
        ready = yield awaited
        if not ready and time.monotonic() > end:
            raise NoAnswer(f"no answer for {ANSWER_SECONDS:g} seconds")
