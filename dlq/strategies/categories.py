"""The coarse reason of a failure, which decides what a task and a person should try first.

It follows from how the task failed, else from what the exception tells (`marks.py`): its own word, the answer
of a server or database, then its classes, the nearest first, so that a subclass of a known error is known.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType

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


#: What may pass by itself. The rest stays until somebody changes something.
PASSING = frozenset(
    {Category.TRANSIENT, Category.RATE_LIMIT, Category.TIMEOUT, Category.DATABASE, Category.RESOURCE}
)

_BY_KIND = MappingProxyType(
    {
        Kind.SOFT_TIMEOUT: Category.TIMEOUT,
        Kind.HARD_TIMEOUT: Category.TIMEOUT,
        Kind.WORKER_LOST: Category.RESOURCE,
        Kind.VANISHED: Category.RESOURCE,
        Kind.LOST: Category.TRANSIENT,
        Kind.UNPUBLISHED: Category.TRANSIENT,
        Kind.UNREGISTERED: Category.CONFIGURATION,
        Kind.MALFORMED: Category.VALIDATION,
        Kind.REVOKED: Category.CANCELLED,
        Kind.EXPIRED: Category.CANCELLED,
        Kind.OUTCOME_UNKNOWN: Category.TRANSIENT,
    }
)


def _rules(*rules: tuple[str, str]) -> tuple[tuple[re.Pattern[str], Category], ...]:
    return tuple((re.compile(pattern), Category(category)) for pattern, category in rules)


# First match wins, on one mark at a time: exact codes stand before the classes they belong to.
_BY_MARK = _rules(
    (r"code:(insufficient_quota|billing_hard_limit_reached|ExpiredToken|.*Credential)", "configuration"),
    (r"code:(SlowDown|.*Throttl|.*RequestLimitExceeded|TooManyRequests|rate_limit)", "rate_limit"),
    (r"code:(.*AccessDenied|InvalidClientTokenId|Unauthorized|UnrecognizedClient)", "configuration"),
    (r"sqlstate:(57014|55P03|25P0[34])", "timeout"),
    (r"sqlstate:(08|57P|25006)", "transient"),
    (r"sqlstate:53", "resource"),
    (r"sqlstate:(28|3D|42501|42P01|42703|42883|0A)", "configuration"),
    (r"sqlstate:22", "validation"),
    (r"sqlstate:42", "bug"),
    (r"sqlstate:", "database"),
    (r"http:429", "rate_limit"),
    (r"http:(408|504|524)", "timeout"),
    (r"http:(401|402|403|407|501)", "configuration"),
    (r"http:507", "resource"),
    (r"http:(409|423|425|5..)", "transient"),
    (r"http:4", "validation"),
    (r"errno:(ENOSPC|EDQUOT|ENOMEM|EMFILE|ENFILE)", "resource"),
    (r"errno:(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EAGAIN)", "transient"),
    (r"type:sqlalchemy\.exc\.TimeoutError", "resource"),  # no connection left in the pool
    # Raised by the driver itself: an error of the server has a sqlstate and was found above.
    (r"type:(psycopg|psycopg2)\.(OperationalError|InterfaceError)", "transient"),
    (r"type:(psycopg_pool|sqlalchemy\.exc)\.(PoolTimeout|PoolClosed|DisconnectionError)", "transient"),
    (r"type:kombu\.exceptions\.OperationalError", "transient"),
    (r"type:redis\.exceptions\.(OutOfMemoryError|MaxConnectionsError)", "resource"),
    (r"type:redis\.exceptions\.(BusyLoading|ReadOnly|TryAgain|ClusterDown|MasterDown)", "transient"),
    (
        r"type:(httpx2?|httpcore2?)\.(TransportError|NetworkError|ProtocolError|RemoteProtocol)",
        "transient",
    ),
    (r"type:urllib\.error\.URLError", "transient"),
    (r"type:requests\.exceptions\.(ChunkedEncoding|ContentDecoding|RetryError)", "transient"),
    (r"type:botocore\.exceptions\.(HTTPClientError|IncompleteRead)", "transient"),
)

# The same for the bare name of a class, which is all that is known of some failures.
_BY_NAME = _rules(
    (r"RateLimit|Throttl|TooManyRequests", "rate_limit"),
    (r"(?i:Time(d)?Out|TimeLimit|DeadlineExceeded)", "timeout"),
    (r"Authenti|Authoriz|Permission|Forbidden|Unauthor|Credential", "configuration"),
    (r"ImportError|ModuleNotFound|NotRegistered|ImproperlyConfigured", "configuration"),
    (r"Connect|BrokenPipe|Unavailable|gaierror|SSLError|BadGateway|Disconnected|Breaker", "transient"),
    (r"IntegrityError|OperationalError|DatabaseError|ProgrammingError|Deadlock|DBAPI", "database"),
    (r"Memory|DiskFull|NoSpace|WorkerLost|ResourceExhausted", "resource"),
    (r"Validation|ValueError|Decode|Invalid|SchemaError", "validation"),
)


def categorise(kind: Kind, exception_type: str, marks: Iterable[str] = ()) -> Category:
    """The category of a failure, a bug when nothing tells otherwise."""
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    told = (_told_by(mark) for mark in (*marks, exception_type))
    return next((category for category in told if category), Category.BUG)


def _told_by(mark: str) -> Category | None:
    family, _, value = mark.partition(":")
    if family == "category":
        return Category(value)
    for pattern, category in _BY_MARK:
        if pattern.match(mark):
            return category
    if value and family != "type":
        return None
    name = mark.rpartition(".")[2]
    return next((category for pattern, category in _BY_NAME if pattern.search(name)), None)
