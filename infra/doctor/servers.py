"""PostgreSQL and Redis: their versions, clocks and schema, and whether the broker keeps what it is given."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import redis
from sqlalchemy import Engine, text

from infra.audit.protection import protection
from infra.doctor.findings import Finding, error, ok, warning
from infra.doctor.patient import Patient
from infra.migrate import missing_migrations

#: Further apart than this, times in tables and letters no longer tell what came first.
APART_SECONDS = 1.0
FAR_APART_SECONDS = 30.0
OLDEST_REDIS = (6, 2)
#: The policy under which a full broker refuses new tasks, and throws none away.
_KEEPS_ALL = "noeviction"


def database(patient: Patient, engine: Engine) -> Iterator[Finding]:
    with engine.connect() as connection:
        version = connection.execute(text("SHOW server_version")).scalar_one()
        yield ok("database", f"PostgreSQL {str(version).split()[0]}")
        before = patient.now()
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        yield _clock("PostgreSQL", before, theirs, patient.now())


def schema(engine: Engine) -> Iterator[Finding]:
    with engine.connect() as connection:
        missing, is_newer = missing_migrations(connection)
    if is_newer:
        yield error(
            "schema",
            "The schema is newer than this checkout.",
            "Update the checkout to the release that the other processes run, and `make install`.",
        )
    elif missing:
        yield error(
            "schema",
            f"{len(missing)} migrations are missing: {', '.join(missing)}.",
            "Run `python -m infra migrate`; `make run` does it at each start.",
        )
    else:
        yield ok("schema", "The schema is up to date")


def audit(engine: Engine) -> Iterator[Finding]:
    """Only with the schema up to date: what protects the audit is part of it."""
    kept = protection(engine)
    if not kept.is_guarded:
        yield error(
            "audit",
            "The triggers that keep the audit from being changed are gone or off.",
            "Find out who did it, see what `python -m infra audit verify` says, and restore them.",
        )
    elif kept.holds:
        yield ok("audit", f"The login {kept.login} can add to the audit and change nothing in it")
    else:
        yield warning(
            "audit",
            f"The login {kept.login} of DATABASE_URL may change the audit or take its guards away.",
            "Give the tables to another login and name that in DATABASE_OWNER_URL; see README.md.",
        )


def broker(patient: Patient, client: "redis.Redis") -> Iterator[Finding]:
    told: dict[str, Any] = client.info()
    yield _version(told)
    before = patient.now()
    seconds, microseconds = client.time()
    theirs = datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)
    yield _clock("Redis", before, theirs, patient.now())
    yield _persistence(told)
    yield _eviction(told)


def _version(told: dict[str, Any]) -> Finding:
    name = "Valkey" if "valkey_version" in told else "Redis"
    version = str(told.get("valkey_version") or told["redis_version"])
    if tuple(int(part) for part in str(told["redis_version"]).split(".")[:2]) < OLDEST_REDIS:
        return error("redis", f"{name} {version} is too old.", "Upgrade to Redis 6.2 or any Valkey.")
    return ok("redis", f"{name} {version}")


def _clock(whose: str, before: datetime, theirs: datetime, after: datetime) -> Finding:
    """Their clock against ours at the middle of the question; half its length is not known."""
    middle = before + (after - before) / 2
    apart = abs((theirs - middle).total_seconds())
    said = f"The clocks here and in {whose} are {apart:,.1f} s apart."
    if apart < APART_SECONDS + (after - before).total_seconds() / 2:
        return ok("clocks", f"The clock of {whose} agrees with ours")
    mend = "Let both machines follow the same time server (chrony or systemd-timesyncd)."
    return error("clocks", said, mend) if apart > FAR_APART_SECONDS else warning("clocks", said, mend)


def _persistence(told: dict[str, Any]) -> Finding:
    if told.get("aof_enabled"):
        return ok("broker", "The broker writes what it takes to disk (appendonly)")
    return error(
        "broker",
        "The broker does not write what it takes to disk: a restart loses the tasks that wait.",
        "Set `appendonly yes` in its configuration, or CONFIG SET appendonly yes for now.",
    )


def _eviction(told: dict[str, Any]) -> Finding:
    policy = str(told.get("maxmemory_policy", "unknown"))
    if policy == _KEEPS_ALL or (not told.get("maxmemory") and policy != "unknown"):
        return ok("broker", f"The broker throws nothing away (maxmemory-policy {policy})")
    return error(
        "broker",
        f"When its memory is full the broker throws keys away, tasks among them (maxmemory-policy {policy}).",
        "Set `maxmemory-policy noeviction`; writers are then refused instead.",
    )
