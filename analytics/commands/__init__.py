"""The commands of `python -m analytics`, one a file: `configure(parser)` and `run(options, opened)`.

`opened` is a context manager that gives what a command needs of the installation (see Opened).
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import redis
from sqlalchemy import Engine

from analytics.erasure import Audit
from analytics.store import EventStore

if TYPE_CHECKING:
    # An import of events needs no kernel, which these bring along.
    from analytics.funnels import FunnelDefinition
    from analytics.queries import Asked
    from analytics.question import Question


@dataclass(frozen=True, slots=True)
class Opened:
    engine: Engine
    store: EventStore
    memory_bytes: int
    #: The question with what our own failed tasks say of its sessions.
    asked: "Callable[[FunnelDefinition, Question], Asked]"
    retention_days: int
    redis: "redis.Redis"
    person: str  #: who runs the command
    audit: Audit


Opener = Callable[[], AbstractContextManager[Opened]]


def say(line: str, to: TextIO | None = None) -> None:
    """Write a line to stdout, or elsewhere."""
    (to or sys.stdout).write(line + "\n")
