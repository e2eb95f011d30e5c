"""The commands of `python -m dlq`, one a file: `configure(parser)` and `run(options, opened)`.

`opened` is a context manager that gives what a command needs of the installation (see Opened).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from celery import Celery
from sqlalchemy import Engine

from dlq.access import Actor, Audit
from dlq.redaction import Redactor
from dlq.sealing import Sealer
from dlq.settings import Settings


@dataclass(frozen=True, slots=True)
class Opened:
    engine: Engine
    app: Celery  #: a client of the broker that the letters go back to
    settings: Settings
    by: Actor  #: who runs the command
    audit: Audit

    @property
    def redactor(self) -> Redactor:
        return Redactor(email=self.settings.redact_email)

    @property
    def sealer(self) -> Sealer:
        return Sealer.of(self.settings)


Opener = Callable[[], AbstractContextManager[Opened]]
