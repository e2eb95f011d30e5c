"""The category of an error: by what it tells, by its classes, and by its name alone."""

import email.message
import errno
import pickle
import urllib.error

import httpx2 as httpx
import kombu.exceptions
import openai
import psycopg
import pytest
import redis
import requests
import sqlalchemy.exc
from billiard.einfo import ExceptionInfo
from celery.utils.serialization import UnpickleableExceptionWrapper

from dlq.errors import BreakerOpen
from dlq.letters import Kind
from dlq.strategies.categories import Category, categorise
from dlq.strategies.marks import category_of, marks_of
from onboarding.errors import AssistantTimeout, AssistantUnavailable, UnknownSession

REQUEST = httpx.Request("POST", "https://shop.test")


def answered(status):
    return httpx.HTTPStatusError("x", request=REQUEST, response=httpx.Response(status))


def refused(status, kind=openai.APIStatusError, **body):
    return kind("x", response=httpx.Response(status, request=REQUEST), body=body)


def by_aws(code, status=400):
    """As botocore.exceptions.ClientError carries it; botocore itself is none of our dependencies."""
    error = type("ClientError", (Exception,), {})("x")
    error.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return error


def by_sqlalchemy(original, kind=sqlalchemy.exc.OperationalError):
    return kind("SELECT", {}, original)


class Ours(requests.exceptions.ConnectionError, ValueError):
    pass


class Says(Exception):
    category = Category.RATE_LIMIT


class Misbehaves(Exception):
    @property
    def response(self):
        raise RuntimeError("not now")

    status_code = pgcode = errno = category = orig = response


CASES = {
    Category.TRANSIENT: [
        openai.APIConnectionError(request=REQUEST),
        refused(500, openai.InternalServerError),
        answered(503),
        httpx.ConnectError("x"),
        httpx.RemoteProtocolError("x"),
        requests.exceptions.SSLError(),
        requests.exceptions.ChunkedEncodingError(),
        urllib.error.URLError("x"),
        psycopg.OperationalError("connection refused"),
        psycopg.errors.AdminShutdown(),
        by_sqlalchemy(psycopg.OperationalError("server closed the connection")),
        redis.exceptions.ConnectionError(),
        redis.exceptions.BusyLoadingError(),
        kombu.exceptions.OperationalError(),
        ConnectionResetError(errno.ECONNRESET, "x"),
        OSError(errno.EHOSTUNREACH, "x"),
        BreakerOpen("assistant", 5),
        by_aws("ServiceUnavailable", 503),
        Ours("x"),
    ],
    Category.RATE_LIMIT: [
        refused(429, openai.RateLimitError),
        answered(429),
        by_aws("ThrottlingException"),
        by_aws("SlowDown", 503),
        urllib.error.HTTPError("u", 429, "m", email.message.Message(), None),
        UnpickleableExceptionWrapper("openai", "RateLimitError", [], "x"),
        AssistantUnavailable("gpt", "slow down", 429),
        Says(),
    ],
    Category.TIMEOUT: [
        openai.APITimeoutError(REQUEST),
        answered(504),
        httpx.ReadTimeout("x"),
        requests.exceptions.ConnectTimeout(),
        redis.exceptions.TimeoutError(),
        psycopg.errors.QueryCanceled(),
        psycopg.errors.LockNotAvailable(),
        TimeoutError(),
        AssistantTimeout("gpt", 20),
    ],
    Category.DATABASE: [
        psycopg.errors.DeadlockDetected(),
        psycopg.errors.SerializationFailure(),
        by_sqlalchemy(psycopg.errors.DeadlockDetected()),
        by_sqlalchemy(psycopg.errors.UniqueViolation(), sqlalchemy.exc.IntegrityError),
    ],
    Category.VALIDATION: [
        answered(422),
        requests.exceptions.JSONDecodeError("x", "y", 0),
        requests.exceptions.MissingSchema(),
        psycopg.errors.InvalidTextRepresentation(),
        ValueError("x"),
        UnknownSession("s1"),
    ],
    Category.CONFIGURATION: [
        refused(401, openai.AuthenticationError),
        refused(429, openai.RateLimitError, code="insufficient_quota"),
        answered(403),
        by_aws("AccessDeniedException"),
        by_aws("ExpiredToken", 403),
        psycopg.errors.InvalidPassword(),
        psycopg.errors.UndefinedTable(),
        redis.exceptions.AuthenticationError(),
        PermissionError(errno.EACCES, "x"),
        AssistantUnavailable("gpt", "who are you", 401),
    ],
    Category.RESOURCE: [
        MemoryError(),
        OSError(errno.ENOSPC, "x"),
        psycopg.errors.TooManyConnections(),
        psycopg.errors.DiskFull(),
        sqlalchemy.exc.TimeoutError("QueuePool limit"),
        redis.exceptions.OutOfMemoryError(),
        answered(507),
    ],
    Category.BUG: [
        KeyError("x"),
        RuntimeError("x"),
        psycopg.errors.SyntaxError(),
        FileNotFoundError(errno.ENOENT, "x"),
        Misbehaves(),
    ],
}


@pytest.mark.parametrize(
    ("error", "category"),
    [
        pytest.param(error, category, id=f"{category}-{type(error).__module__}.{type(error).__name__}")
        for category, errors in CASES.items()
        for error in errors
    ],
)
def test_an_error_has_its_category(error, category):
    assert category_of(error) == category


def test_marks_tell_the_more_specific_first():
    assert marks_of(refused(429, openai.RateLimitError))[:3] == (
        "http:429",
        "type:openai.RateLimitError",
        "type:openai.APIStatusError",
    )
    assert marks_of(by_sqlalchemy(psycopg.errors.DeadlockDetected()))[0] == "sqlstate:40P01"


def test_an_error_keeps_its_category_on_the_way_between_processes():
    for error in (AssistantUnavailable("gpt", "x", 429), BreakerOpen("gpt", 5), psycopg.errors.DiskFull()):
        try:
            raise error
        except type(error):
            arrived = pickle.loads(pickle.dumps(ExceptionInfo())).exception
        assert category_of(getattr(arrived, "exc", arrived)) == category_of(error)


def test_an_error_of_psycopg2_tells_its_sqlstate_under_another_name():
    kind = type("OperationalError", (Exception,), {"__module__": "psycopg2", "pgcode": "40P01"})
    assert category_of(type("DeadlockDetected", (kind,), {})()) == Category.DATABASE


def test_marks_are_bounded():
    deep = type("Deep", (Exception,), {})
    for number in range(100):
        deep = type(f"Deep{number}" + "x" * 500, (deep,), {})
    marks = marks_of(deep())
    assert len(marks) == 40
    assert max(map(len, marks)) == 200


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("RateLimitExceeded", Category.RATE_LIMIT),
        ("ReadTimeout", Category.TIMEOUT),
        ("IntegrityError", Category.DATABASE),
        ("ValidationError", Category.VALIDATION),
        ("CircuitBreakerError", Category.TRANSIENT),
        ("Odd", Category.BUG),
        ("", Category.BUG),
    ],
)
def test_a_name_alone_tells_it_where_nothing_else_is_known(name, category):
    assert categorise(Kind.EXCEPTION, name) == category


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        (Kind.HARD_TIMEOUT, Category.TIMEOUT),
        (Kind.WORKER_LOST, Category.RESOURCE),
        (Kind.VANISHED, Category.RESOURCE),
        (Kind.EXPIRED, Category.CANCELLED),
        (Kind.UNREGISTERED, Category.CONFIGURATION),
    ],
)
def test_how_a_task_ended_counts_more_than_its_exception(kind, category):
    assert categorise(kind, "ValueError", ("http:429",)) == category
