"""Log lines without secrets: message and traceback of every record of this process are masked.

    logs.redact_logs(Redactor())

once, at the start of a process; loggers and handlers made before and after are covered alike, and so are the
lines in which Celery says why a task failed. Formatting a record never raises: what cannot be shown is said
in its place, since the logging module would print the arguments instead. Not covered: a handler that reads
`record.args` or `record.exc_info` itself, as trackers of errors do.
"""

import logging
from typing import Any

from dlq.redaction.redactor import Redactor

#: Longest message or traceback that is logged; what lies behind it is cut off.
MAX_CHARACTERS = 100_000
# Read beyond the cut, so that a secret lying across it is seen whole.
_BEYOND = 10_000


class RedactedRecord(logging.LogRecord):
    """A record that gives its texts masked, to whichever formatter asks."""

    redactor = Redactor(email=True)

    def getMessage(self) -> str:  # noqa: N802 - the name that logging calls
        try:
            return _masked(super().getMessage(), self.redactor)
        except Exception as error:  # noqa: BLE001 - the texts of arguments are anybody's code
            return f"A message of {self.name} cannot be shown: {type(error).__name__}"

    # Formatters keep the traceback that they made in `exc_text`, and print what they find there.
    @property
    def exc_text(self) -> str | None:
        return self.__dict__.get("exc_text")

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self.__dict__["exc_text"] = text and _masked(text, self.redactor)

    @property
    def stack_info(self) -> str | None:
        return self.__dict__.get("stack_info")

    @stack_info.setter
    def stack_info(self, text: str | None) -> None:
        self.__dict__["stack_info"] = text and _masked(text, self.redactor)


def redact_logs(redactor: Redactor) -> None:
    """Mask with `redactor` whatever this process and its forks log from now on."""

    def record(*args: Any, **options: Any) -> RedactedRecord:
        made = RedactedRecord(*args, **options)
        made.redactor = redactor
        return made

    logging.setLogRecordFactory(record)


def _masked(text: str, redactor: Redactor) -> str:
    return redactor.text(text[: MAX_CHARACTERS + _BEYOND])[:MAX_CHARACTERS]
