"""Which failures are the same failure: a versioned hash of exception type, message and place.

What varies between two runs of one bug (numbers, addresses, ids, paths, quoted values) becomes a placeholder.
The place is the file of the innermost frame outside installed packages, without folder or line, so that a
moved checkout or an unrelated edit keeps a group together; without such a frame, the task.
"""

import hashlib
import re

#: Raise it when the rules change: fingerprints of different versions are not compared.
VERSION = 1

Rules = tuple[tuple[re.Pattern[str], str], ...]

_MESSAGE_CHARACTERS = 500
_FRAME = re.compile(r'^ *File "([^"\n]+)", line \d+', re.MULTILINE)
_INSTALLED = re.compile(r"site-packages|dist-packages|/lib(?:64)?/python\d|^<frozen|[/\\]Lib[/\\]")

# The name that is missing is the cause, wherever it is missed: such messages keep it and need no place.
_MISSING_NAME = re.compile(
    r"cannot import name|No module named|^module '.*' has no attribute|got an unexpected keyword argument"
)
_ASIDE = re.compile(r"[.?]? ?Did you mean.*|\.+$")
_OWNER = re.compile(r"\b\w+\.(?=__\w+__\(\))")
_QUOTE = (re.compile(r"['\"]"), "")
_QUOTED = (re.compile(r"'[^']*'|\"[^\"]*\""), "<value>")
_VARYING = (
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\w+://\S+"), "<url>"),
    (re.compile(r"\(?(?:[A-Za-z]:)?(?:[\\/][\w.@+-]+){2,}\)?"), "<path>"),
    (re.compile(r"\b[0-9a-fA-F]{16,}\b"), "<id>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<number>"),
)


def fingerprint(exception_type: str, message: str, traceback: str, task_name: str = "") -> str:
    """16 hexadecimal digits. `task_name` stands in for the place when no frame is our own code."""
    kind = exception_type.rpartition(".")[2]
    if _MISSING_NAME.search(message):
        parts = [kind, normalised(message, (_QUOTE,))]
    else:
        parts = [kind, normalised(message, (_QUOTED,)), place(traceback, task_name)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def normalised(message: str, further: Rules = ()) -> str:
    """The first line of a message with everything that varies replaced."""
    line = message.strip().partition("\n")[0][:_MESSAGE_CHARACTERS]
    line = _OWNER.sub("", _ASIDE.sub("", line))
    for pattern, placeholder in _VARYING + further:
        line = pattern.sub(placeholder, line)
    return " ".join(line.split())


def place(traceback: str, task_name: str) -> str:
    files: list[str] = _FRAME.findall(traceback)
    own = [file for file in files if not _INSTALLED.search(file)]
    if task_name and not own:
        return task_name
    innermost = (own or files or [""])[-1]
    return innermost.replace("\\", "/").rpartition("/")[2]
