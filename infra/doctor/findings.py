"""One thing that was looked at: how it is, and what to do where it is not well."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"  #: worth knowing
    WARNING = "warning"  #: works, and will hurt one day
    ERROR = "error"  #: does not work, or loses something


@dataclass(frozen=True, slots=True)
class Finding:
    check: str  #: what was looked at; the same word each time, for programs that read it
    level: Level
    said: str
    mend: str = ""  #: what to do; empty only where all is well


def ok(check: str, said: str) -> Finding:
    return Finding(check, Level.OK, said)


def note(check: str, said: str, mend: str) -> Finding:
    return Finding(check, Level.NOTE, said, mend)


def warning(check: str, said: str, mend: str) -> Finding:
    return Finding(check, Level.WARNING, said, mend)


def error(check: str, said: str, mend: str) -> Finding:
    return Finding(check, Level.ERROR, said, mend)


def counted(findings: Sequence[Finding]) -> str:
    """One sentence over all of them."""
    count = {level: sum(finding.level is level for finding in findings) for level in Level}
    if not count[Level.ERROR] and not count[Level.WARNING]:
        return f"All is well: {len(findings)} checks."
    errors, warnings = (_many(count[level], level) for level in (Level.ERROR, Level.WARNING))
    return f"{errors} and {warnings} in {len(findings)} checks."


def _many(count: int, level: Level) -> str:
    return f"{count} {level}" if count == 1 else f"{count} {level}s"
