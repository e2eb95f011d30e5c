"""The coarse reason of a failure, which decides what a person should try first."""

import re
from enum import StrEnum

from dlq.letters import Kind


class Category(StrEnum):
    TRANSIENT = "transient"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    DATABASE = "database"
    VALIDATION = "validation"
    CONFIGURATION = "configuration"
    RESOURCE = "resource"
    CANCELLED = "cancelled"
    BUG = "bug"


_BY_KIND = {
    Kind.SOFT_TIMEOUT: Category.TIMEOUT,
    Kind.HARD_TIMEOUT: Category.TIMEOUT,
    Kind.WORKER_LOST: Category.RESOURCE,
    Kind.UNREGISTERED: Category.CONFIGURATION,
    Kind.MALFORMED: Category.VALIDATION,
    Kind.REVOKED: Category.CANCELLED,
    Kind.EXPIRED: Category.CANCELLED,
    Kind.OUTCOME_UNKNOWN: Category.TRANSIENT,
}

# First match wins, on the exception's type: more telling names stand first.
_BY_TYPE = (
    (re.compile(r"RateLimit|Throttl|TooManyRequests"), Category.RATE_LIMIT),
    (re.compile(r"Time(d)?Out|TimeLimit|Deadline", re.IGNORECASE), Category.TIMEOUT),
    (re.compile(r"Authenti|Authoriz|Permission|Forbidden|Unauthor|Credential"), Category.CONFIGURATION),
    (re.compile(r"ImportError|ModuleNotFound|NotRegistered|ImproperlyConfigured"), Category.CONFIGURATION),
    (
        re.compile(r"Connection|BrokenPipe|Unavailable|gaierror|SSLError|BadGateway|RemoteDisconnected"),
        Category.TRANSIENT,
    ),
    (
        re.compile(r"IntegrityError|OperationalError|DatabaseError|ProgrammingError|Deadlock|DBAPI"),
        Category.DATABASE,
    ),
    (re.compile(r"Memory|DiskFull|NoSpace|WorkerLost|ResourceExhausted"), Category.RESOURCE),
    (re.compile(r"Validation|ValueError|Decode|Invalid|SchemaError"), Category.VALIDATION),
)


def categorise(kind: Kind, exception_type: str) -> Category:
    """The category of a failure: from how it failed, else from the name of its exception, else a bug."""
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    return next((category for name, category in _BY_TYPE if name.search(exception_type)), Category.BUG)
