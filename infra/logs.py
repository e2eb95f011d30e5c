"""One line for everything that is logged: text for a terminal, JSON for what collects logs.

A line carries what was bound where it was written: the request or the run of a task that it belongs to, and
who asked. What is bound follows `await`; a thread of its own begins with nothing. Messages and tracebacks
are whatever the record gives, so a record that masks secrets (`dlq.redaction.logs`) is written masked.
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

Bound = Mapping[str, str]

_NOTHING: Bound = MappingProxyType({})
_bound: ContextVar[Bound] = ContextVar("bound", default=_NOTHING)


class LogStyle(StrEnum):
    TEXT = "text"
    JSON = "json"


def bind(**fields: str | None) -> Token[Bound]:
    """Put these fields on every line from here on, beside those bound before; None takes one away.

    The token is for `unbind`. Who runs in a context of its own, as a request does, need not give it back.
    """
    together = {**_bound.get(), **fields}
    return _bound.set({name: value for name, value in together.items() if value is not None})


def unbind(token: Token[Bound]) -> None:
    """Go back to what was bound before."""
    _bound.reset(token)


def bound() -> Bound:
    return _bound.get()


def configure(style: LogStyle | None, *, mask: Callable[[str], str] = str, level: int = logging.INFO) -> None:
    """Write the lines of all loggers of this process to standard error, in one form.

    None is text on a terminal and JSON elsewhere. Handlers that libraries gave their own loggers so far are
    taken away. `mask` is applied to bound fields, some of which a client chose.
    """
    handler = logging.StreamHandler(sys.stderr)
    chosen = style or (LogStyle.TEXT if sys.stderr.isatty() else LogStyle.JSON)
    handler.setFormatter(JsonFormatter(mask) if chosen is LogStyle.JSON else TextFormatter(mask))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for logger in list(root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):  # and no placeholder for one
            logger.handlers.clear()
            logger.propagate = True


class JsonFormatter(logging.Formatter):
    """Keys time, level, logger and message, then the fields, then the traceback as `exception`."""

    def __init__(self, mask: Callable[[str], str] = str) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record, self._mask),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    def __init__(self, mask: Callable[[str], str] = str) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._mask = mask

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        fields = " ".join(f"{name}={_plain(value)}" for name, value in _fields(record, self._mask).items())
        line = super().formatMessage(record)
        return f"{line} [{fields}]" if fields else line


def _fields(record: logging.LogRecord, mask: Callable[[str], str]) -> dict[str, Any]:
    """What is bound, and what the call gave as `extra={"fields": {...}}`."""
    masked = {name: mask(value) for name, value in _bound.get().items()}
    return masked | getattr(record, "fields", {})


def _plain(value: Any) -> str:
    """On one line, so that an id that somebody sent cannot begin a line of its own."""
    return repr(value).strip("'")
