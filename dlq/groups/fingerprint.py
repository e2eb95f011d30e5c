"""Which failures are the same failure: a versioned hash of exception type, message and place.

Of a chain of exceptions the one that began it counts, and of its message what does not vary between runs.
The place is the file of our own code that failed, without its folder, so that a moved checkout keeps a group
together, and the function if the message alone could come from anywhere; never the line. Where no frame is
our own it is the task.
"""

import hashlib
import re
from dataclasses import dataclass

from dlq.groups.message import shared
from dlq.groups.traceback import Frame, Origin, origin

#: Raise it when the rules change. A letter keeps the group it has until it fails again; a failure that the
#: change does not concern stays in its group, for the version is not part of the hash.
VERSION = 2

# The name that is missing is the cause, wherever it is missed: such messages keep it and need no place.
_MISSING_NAME = re.compile(
    r"cannot import name|No module named|^module \S+ has no attribute|got an unexpected keyword argument"
)
_QUOTE = re.compile(r"['\"]")
# Where time or memory ran out or the process died is chance: only the way in is the same each time.
_CHANCE = frozenset({"SoftTimeLimitExceeded", "TimeLimitExceeded", "WorkerLostError", "MemoryError"})
# What a decoder stumbled over is data, and which call was one too deep is chance.
_WORDLESS = frozenset({"JSONDecodeError", "UnicodeDecodeError", "RecursionError"})
_DRIVER = re.compile(r"\((?:\w+\.)*(\w+)\) ")
_DIGITS = re.compile(r"\d+")
_PLACEHOLDER = re.compile(r"<\w+>")
# A word with an underscore or an inner capital is a name in somebody's program.
_PROGRAM_NAME = re.compile(r"\b(?!NoneType\b)(?:[A-Za-z0-9]+_\w+|\w*[a-z][A-Z]\w*|[A-Z]{2,}[a-z]\w*)")


@dataclass(frozen=True, slots=True)
class Cause:
    """What failures of one group share."""

    exception_type: str  #: without its module
    message: str  #: with placeholders for what varies
    frame: Frame | None  #: where our own code failed
    elsewhere: str  #: the place when that says nothing: the task, or the code of a library

    @property
    def place(self) -> str:
        return f"{self.frame.function} in {self.frame.file}" if self.frame else self.elsewhere

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits."""
        text = _PLACEHOLDER.sub("<>", self.message)
        if _MISSING_NAME.search(self.message):
            parts = [self.exception_type, text]
        elif self.exception_type in _WORDLESS:
            parts = [self.exception_type, self._place_for("")]
        else:
            parts = [self.exception_type, text, self._place_for(text)]
        return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]

    def _place_for(self, text: str) -> str:
        if self.frame is None:
            return self.elsewhere
        # Written for this very failure, or naming what it is about: the function adds nothing then.
        if self.frame.code.startswith("raise ") or _PROGRAM_NAME.search(text):
            return _DIGITS.sub("", self.frame.file)
        return _DIGITS.sub("", self.place)


def cause_of(exception_type: str, message: str, traceback: str, task_name: str = "") -> Cause:
    """What a failure shares with others. `task_name` is the place where no frame is our own code."""
    begun = origin(traceback)
    if begun.exception_type:
        exception_type, message = begun.exception_type, begun.message
    if driver := _DRIVER.match(message):
        exception_type, message = driver[1], message[driver.end() :]
    kind = exception_type.rpartition(".")[2]
    if _MISSING_NAME.search(message):
        message = _QUOTE.sub("", message)
    frame = _frame(kind, begun, task_name)
    return Cause(kind, shared(message, frame.code if frame else ""), frame, _elsewhere(begun, task_name))


def fingerprint(exception_type: str, message: str, traceback: str, task_name: str = "") -> str:
    return cause_of(exception_type, message, traceback, task_name).fingerprint


def _frame(kind: str, begun: Origin, task_name: str) -> Frame | None:
    if not begun.own or (kind in _CHANCE and task_name):
        return None
    return begun.own[0 if kind in _CHANCE else -1]


def _elsewhere(begun: Origin, task_name: str) -> str:
    if task_name or not begun.packages:
        return task_name
    innermost = begun.packages[-1]
    return f"{innermost.function} in {innermost.file}"
