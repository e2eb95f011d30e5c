"""The commands of `python -m analytics`, one a file: `configure(parser)` and `run(options, opened)`.

`opened` is a context manager that gives what a command needs of the installation (see Opened).
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TextIO

from sqlalchemy import Engine

from analytics.store import EventStore


@dataclass(frozen=True, slots=True)
class Opened:
    engine: Engine
    store: EventStore
    memory_bytes: int


Opener = Callable[[], AbstractContextManager[Opened]]


def say(line: str, to: TextIO | None = None) -> None:
    """Write a line to stdout, or elsewhere."""
    (to or sys.stdout).write(line + "\n")
