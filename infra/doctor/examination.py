"""The examination in order: this machine, then each server that answers."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import redis
from sqlalchemy.exc import DBAPIError

from infra.database import first_line
from infra.doctor import machine, servers
from infra.doctor.findings import Finding, Level, error
from infra.doctor.patient import Patient, patient
from infra.errors import DatabaseUnavailable
from infra.settings import Settings

#: What the parts above this package look at besides.
Further = Callable[[Patient], Iterable[Finding]]


def examine(settings: Settings, further: Iterable[Further], *, now: Callable[[], datetime]) -> list[Finding]:
    """Look at everything; what does not answer is a finding too, and ends only the checks that need it."""
    with patient(settings, now) as examined:
        return [
            *machine.versions(),
            *machine.address(settings),
            *examined.reached,
            *_answers(_of_servers(examined)),
            *(finding for look in further for finding in _answers(look(examined))),
        ]


def _of_servers(examined: Patient) -> Iterator[Finding]:
    if examined.engine is not None:
        yield from servers.database(examined, examined.engine)
        schema = list(servers.schema(examined.engine))
        yield from schema
        if all(finding.level is Level.OK for finding in schema):
            yield from servers.audit(examined.engine)
    if examined.broker is not None:
        yield from servers.broker(examined, examined.broker)


def _answers(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The same, with a server that went away or refused in between as the last of them."""
    try:
        yield from findings
    except DatabaseUnavailable as problem:
        yield error("database", f"PostgreSQL went away: {problem.reason}.", _MEND)
    except DBAPIError as problem:
        yield error("database", f"PostgreSQL refused: {first_line(problem.orig or problem)}.", _MEND)
    except redis.RedisError as problem:
        yield error("redis", f"Redis refused: {first_line(problem)}.", _MEND)


_MEND = "See its log, and what the login of the URL may do."
