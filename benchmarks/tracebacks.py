"""Invented failures of known causes, for measuring how well fingerprints tell causes apart.

`tracebacks.txt` holds them as templates: a line `### cause`, or `### cause @task` where no frame is our own,
then a traceback with slots. Each is filled in several times as if it had failed on other machines, in other
releases and with other values. `tracebacks_of` also reads a file of real ones, a JSON object on each line.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import UUID

TEMPLATES = Path(__file__).with_name("tracebacks.txt")
COPIES = 4

_HEADING = re.compile(r"^### (\S+)(?: @(\S+))?\n", re.MULTILINE)
_RAISED = re.compile(r"^(?: *\| )?([A-Za-z_][\w.]*)(?:: (.*))?$")
_MARGIN = re.compile(r"^ *\| ", re.MULTILINE)

_PLACES = (
    ("/srv/app", "/srv/app/venv/lib/python3.11/site-packages", "/usr/lib/python3.11"),
    ("/home/deploy/releases/20260301", "/opt/venv/lib/python3.12/site-packages", "/usr/local/lib/python3.12"),
    (r"C:\work\app", r"C:\Python313\Lib\site-packages", r"C:\Python313\Lib"),
    (
        "/Users/ana/src/app",
        "/Users/ana/.venvs/app/lib/python3.13/site-packages",
        "/opt/homebrew/lib/python3.13",
    ),
)
_WORDS = ("ana", "Bergmann", "three", "n/a", "tomate", "x7", "O'Neil", "zwölf", "blue-42", "")
_CURRENCIES = ("EUR", "CHF", "usd", "XAU", "GBP ")
_HOSTS = ("cache-1.internal", "10.0.3.7", "feeds.example", "db.example.org")


@dataclass(frozen=True, slots=True)
class Traceback:
    """One failure, and the cause that somebody who looked into it would name."""

    cause: str
    exception_type: str
    message: str
    traceback: str
    task_name: str = ""


def invented(copies: int = COPIES, seed: int = 0) -> list[Traceback]:
    """Every template filled in `copies` times."""
    _, *parts = _HEADING.split(TEMPLATES.read_text(encoding="utf-8"))
    random = Random(seed)
    return [
        _failure(cause, task or "", template.strip("\n"), number, random)
        for cause, task, template in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        for number in range(copies)
    ]


def tracebacks_of(path: Path) -> Iterator[Traceback]:
    """The failures in a file of JSON lines with cause, exception_type, message and traceback."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield Traceback(row["cause"], row["exception_type"], row["message"], row["traceback"])


def _failure(cause: str, task_name: str, template: str, number: int, random: Random) -> Traceback:
    traceback = _filled(template, number, random)
    exception_type, message = _raised(traceback)
    return Traceback(cause, exception_type, message, traceback, task_name)


def _filled(template: str, number: int, random: Random) -> str:
    root, site, std = _PLACES[number % len(_PLACES)]
    slots = {
        "root": lambda: root,
        "site": lambda: site,
        "std": lambda: std,
        "n": lambda: str(random.randrange(1, 10 ** random.randint(1, 5))),
        "id": lambda: str(UUID(int=random.getrandbits(128))),
        "hex": lambda: f"{random.getrandbits(128):032x}",
        "hex12": lambda: f"{random.getrandbits(48):012x}",
        "word": lambda: random.choice(_WORDS),
        "currency": lambda: random.choice(_CURRENCIES),
        "host": lambda: random.choice(_HOSTS),
        "ip": lambda: f"10.{random.randrange(256)}.0.{random.randrange(256)}",
        "email": lambda: f"{random.choice(_WORDS)}{random.randrange(99)}@mail.example",
        "date": lambda: f"2026-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}",
    }
    filled = re.sub(r"(?<!\{)\{(\w+)\}(?!\})", lambda slot: slots[slot[1]](), template)
    return _as_on_its_platform(filled.replace("{{", "{").replace("}}", "}"), root)


def _as_on_its_platform(traceback: str, root: str) -> str:
    if "\\" not in root:
        return traceback
    return re.sub(r'(?<=File ")[A-Z]:[^"]*', lambda path: path[0].replace("/", "\\"), traceback)


def _raised(traceback: str) -> tuple[str, str]:
    """Type and message of the exception that came out: its last line that does not belong to a frame."""
    text = _MARGIN.sub("", traceback.partition("  +-+-")[0]) if "Group Traceback" in traceback else traceback
    last = text.rpartition("Traceback (most recent call last):\n")[2]
    lines = last.split("\n")
    start = max(number for number, line in enumerate(lines) if line.startswith("  File ")) + 1
    for number in range(start, len(lines)):
        if raised := _RAISED.match(lines[number]):
            return raised[1], "\n".join([raised[2] or "", *lines[number + 1 :]]).strip()
    raise ValueError(f"no exception in {traceback!r}")
