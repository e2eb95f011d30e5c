"""What an exception tells of its cause, as short texts that can be stored and compared.

    category:timeout           it says so itself, by an attribute `category`
    code:ThrottlingException   the code of an AWS or OpenAI error
    sqlstate:40P01             what the database answered
    http:429                   what the server answered
    errno:ENOSPC               what the operating system answered
    type:httpx.ReadTimeout     its class, then the classes that one derives from

The more telling come first. Attributes are read without running anybody's code: a property of a stranger's
exception may raise, and this runs where a failed task is kept.
"""

import builtins
import errno
import sys
from collections.abc import Iterator, Mapping
from inspect import getattr_static
from typing import Any

from celery.utils.serialization import UnpickleableExceptionWrapper

from dlq.letters import Kind
from dlq.strategies.categories import Category, categorise

_SAYS_NOTHING = {object, BaseException, Exception}
_STATUS_NAMES = ("status_code", "status", "code", "http_status")
_LONGEST_MARK = 200
_MOST_MARKS = 40


def marks_of(error: BaseException) -> tuple[str, ...]:
    """The marks of `error`, at most 40."""
    found = dict.fromkeys(mark[:_LONGEST_MARK] for mark in _marks(error))
    return tuple(found)[:_MOST_MARKS]


def category_of(error: BaseException) -> Category:
    """The category of an error at hand."""
    return categorise(Kind.EXCEPTION, type(error).__name__, marks_of(error))


def _marks(error: BaseException) -> Iterator[str]:
    category = getattr_static(error, "category", None)
    if isinstance(category, Category):
        yield f"category:{category}"
    inner = getattr_static(error, "orig", None)  # SQLAlchemy wraps what the driver raised
    wrapped = [inner, error] if isinstance(inner, BaseException) else [error]
    for one in wrapped:
        yield from _answers(one)
    for one in wrapped:
        yield from (f"type:{kind.__module__}.{kind.__qualname__}" for kind in _classes(one))


def _answers(error: BaseException) -> Iterator[str]:
    response = getattr_static(error, "response", None)
    if isinstance(code := _code(error, response), str):
        yield f"code:{code}"
    if isinstance(state := _sqlstate(error), str):
        yield f"sqlstate:{state}"
    if status := _status(error, response):
        yield f"http:{status}"
    if isinstance(error, OSError) and (name := errno.errorcode.get(_errno(error))):
        yield f"errno:{name}"


def _code(error: BaseException, response: Any) -> Any:
    if isinstance(response, Mapping):
        named = response.get("Error")
        return named.get("Code") if isinstance(named, Mapping) else None
    return getattr_static(error, "code", None)


def _sqlstate(error: Any) -> Any:
    if any(kind.__module__ == "psycopg2" for kind in type(error).__mro__):
        return error.pgcode  # its C code hides the value from getattr_static
    return getattr_static(error, "sqlstate", None)


def _errno(error: OSError) -> int:
    number = error.args[0] if len(error.args) > 1 else None
    return number if isinstance(number, int) else 0


def _status(error: BaseException, response: Any) -> int | None:
    candidates = [getattr_static(error, name, None) for name in _STATUS_NAMES]
    candidates += [getattr_static(response, name, None) for name in _STATUS_NAMES]
    if isinstance(response, Mapping) and isinstance(told := response.get("ResponseMetadata"), Mapping):
        candidates.append(told.get("HTTPStatusCode"))
    return next((one for one in candidates if type(one) is int and 400 <= one <= 599), None)


def _classes(error: BaseException) -> Iterator[type]:
    kind = _original_class(error) if isinstance(error, UnpickleableExceptionWrapper) else type(error)
    for one in kind.__mro__:
        if one not in _SAYS_NOTHING:
            yield one


def _original_class(wrapper: UnpickleableExceptionWrapper) -> type:
    """The class of an exception that could not travel between processes, where this one knows it too."""
    module = sys.modules.get(wrapper.exc_module, builtins)
    original = getattr(module, wrapper.exc_cls_name, None)
    return original if isinstance(original, type) else type(wrapper)
